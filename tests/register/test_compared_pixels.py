"""Which pixels are compared when CT and X-ray do not show the same."""

import numpy as np
import pytest
import torch
import torchio

from diffpose_nb import ct, evaluate, register
from diffpose_nb.camera import Camera, carm_pose, invert, rigid_motion, transform_points
from diffpose_nb.images import XRay
from diffpose_nb.register import Comparison, Prior, Strategy, refine, whole_rays
from diffpose_nb.register.pixels.foreign import unexplained
from diffpose_nb.register.pixels.part import Part
from diffpose_nb.register.pixels.views import Views
from diffpose_nb.render import Renderer, beyond, integrate
from diffpose_nb.render.volumes.prepared import NOWHERE
from diffpose_nb.study.kinds import make_case

CAMERA = Camera(1020, (4.0, 4.0), (80, 80))


def _block(shape=(40, 40, 40), lows=(0, 10, 10), highs=(30, 30, 30), spacing=4.0):
    """Water from ``lows`` to ``highs``, air around; it touches the first face of the first axis."""
    hounsfield = torch.full((1, *shape), -1000.0)
    hounsfield[0, lows[0] : highs[0], lows[1] : highs[1], lows[2] : highs[2]] = 0.0
    affine = np.diag([spacing] * 3 + [1.0])
    affine[:3, 3] = -(np.array(shape) - 1) * spacing / 2
    density = torchio.ScalarImage(tensor=ct.linear_attenuation(hounsfield), affine=affine)
    return torchio.Subject(density=density)


def test_the_body_goes_on_only_where_it_was_cut():
    packed = beyond(_block())
    there = packed.world_from_voxel @ np.append(np.argwhere(packed.values > 0).mean(0), 1)
    assert there[0] < -80, "beyond the face at the low end of x, which the block touches"
    assert abs(there[1]) < 4 and abs(there[2]) < 4
    assert beyond(_block(lows=(5, 10, 10))) is None


def test_a_touch_is_no_cut():
    assert beyond(_block(lows=(0, 19, 10), highs=(30, 20, 30))) is None


def test_a_moved_ct_has_another_beyond():
    """The copies are kept by the values and by where they lie."""
    subject = _block()
    first = beyond(subject).world_from_voxel
    moved = torchio.Subject(
        density=torchio.ScalarImage(
            tensor=subject["density"].data, affine=np.diag([2.0, 2.0, 2.0, 1.0]) @ subject["density"].affine
        )
    )
    assert not np.allclose(beyond(moved).world_from_voxel, first)


def test_whole_rays_are_those_that_miss_the_cut():
    """A frontal view: x of the patient is x of the image, up to its sign."""
    subject, pose = _block(), carm_pose(0, 0, 700)
    worth = whole_rays(beyond(subject), CAMERA, pose)
    cut, inside = torch.tensor([[-78.0, 0.0, 0.0]]).double(), torch.tensor([[20.0, 0.0, 0.0]]).double()
    (column, row), (other, same) = (CAMERA.project(point, pose)[0].round().int() for point in (cut, inside))
    assert worth[row, column] < 0.2
    assert worth[same, other] > 0.95
    assert whole_rays(beyond(_block(highs=(30, 30, 30))), CAMERA, carm_pose(180, 0, 700)).min() < 0.2


def test_no_ray_beside_the_boxes_misses_anything():
    """Of views from all sides, among them one from within what is missing."""
    missing = beyond(_block())
    left_out, missed = 0, 0
    for angle, distance in ((0, 700), (50, 700), (90, 700), (200, 700), (90, 100)):
        pose = rigid_motion([0, 0, 0], [60, 30, 0]) @ carm_pose(angle, 15, distance)
        source, target = (points[None] for points in CAMERA.rays(pose))
        lost = integrate(missing, source, target, 1 / 1020, False)[0].reshape(CAMERA.shape)
        met = missing.may_be_met(CAMERA, pose)
        assert not lost[~met].any()
        left_out, missed = left_out + (~met).sum().item(), missed + (lost > 0).sum().item()
    assert left_out > 3000 and missed > 3000, "of 32000 rays"


def test_a_short_ct_is_registered_and_its_end_is_no_anatomy():
    case = make_case("short CT", 3, 5)
    found = refine(case.subject, case.xray, search=Strategy(restarts=1), progress=False)
    blind = refine(
        case.subject, case.xray, compare=Comparison(overlap=False), search=Strategy(restarts=0), progress=False
    )
    assert case.error(found.world_from_camera)[0] < 1 < case.error(blind.world_from_camera)[0]
    assert found.judgement == "found" and blind.judgement != "found"


def test_a_ct_that_holds_hardly_a_ray_whole_is_registered():
    """A tilted view of 88 mm of a patient: at the start 3 % of the rays are whole, and none of them says much."""
    case = make_case("short CT", 7, 7)
    assert whole_rays(beyond(case.subject), case.xray.camera, case.start).double().mean() < 0.05
    found = refine(case.subject, case.xray, search=Strategy(restarts=0), progress=False)
    assert case.error(found.world_from_camera)[0] < 1
    assert found.judgement == "found"


def test_only_a_short_ct_is_continued_and_only_across_the_beam(example):
    """A whole CT is left as it is, wherever it lies at the start, and so its registrations are what they were."""
    camera, strategy = Camera(1020, (4.0, 4.0), (80, 80)), Strategy()
    for start in (carm_pose(30, 10, 700), rigid_motion([0, 0, 0], [0, 0, 90]) @ carm_pose(0, 0, 700)):
        assert _views(example, camera, start, strategy).reach == NOWHERE
    short = ct.cut(example, superior=(-44, 44))
    across = _views(short, camera, carm_pose(30, 10, 700), strategy).reach
    assert across[:2] == NOWHERE[:2] and min(across[2]) > 50
    along_the_body = rigid_motion([80, 0, 0], [0, 0, 0]) @ carm_pose(0, 0, 700)
    assert _views(short, camera, along_the_body, strategy).reach[2] == (0, 0)
    whole = Comparison(overlap=False)
    assert _views(short, camera, carm_pose(30, 10, 700), strategy, whole).reach == NOWHERE


def _views(subject, camera, pose, strategy, compare=Comparison()):  # noqa: B008 - frozen
    xray = XRay(torch.rand(camera.shape, generator=torch.Generator().manual_seed(0)), camera, pose)
    return Views(subject, [xray], pose[None], compare, strategy, 0)


def test_rays_through_a_guess_count_less_the_further_they_go():
    subject, pose = _block(), carm_pose(0, 0, 700)
    missing = beyond(subject)
    little, much = (whole_rays(missing, CAMERA, pose, guessed) for guessed in (5.0, 40.0))
    assert (little <= much + 1e-12).all() and little.min() < 0.05 < 0.3 < much.mean()
    assert (whole_rays(missing, CAMERA, pose) <= little + 0.05).double().mean() > 0.9


def test_metal_is_found_left_out_and_costs_no_restart():
    case = make_case("metal", 0, 5)
    found = refine(case.subject, case.xray, progress=False)
    assert case.error(found.world_from_camera)[0] < 1
    assert found.judgement == "found" and found.trace.attempt.max() == 1
    clean = refine(case.subject, make_case("whole chest", 0, 5).xray, progress=False)
    assert found.foreign.shape == case.xray.pixels.shape
    assert 0.02 < found.foreign.float().mean() < 0.3 and clean.foreign.float().mean() < 0.01


def test_what_is_foreign_is_dense_narrow_and_not_in_the_drr():
    """A bright bar in both images, another one in the X-ray only, and a broad cloud that is no thing."""
    row, column = torch.meshgrid(torch.arange(90.0), torch.arange(90.0), indexing="ij")
    bone = ((column - 30).abs() < 3).double()
    cloud = 0.5 * torch.exp(-((row - 45) ** 2 + (column - 45) ** 2) / 2000).double()
    screw = (((row - 60).abs() < 2) & (column > 50) & (column < 75)).double()
    noise = 0.01 * torch.randn(90, 90, generator=torch.Generator().manual_seed(0)).double()
    everywhere = torch.ones(90, 90, dtype=torch.bool)
    found = unexplained(0.8 * bone, 0.9 * bone + cloud + screw + noise, everywhere, pixel=2.0)
    assert found[screw > 0].all()
    assert found.float().mean() < 4 * screw.mean()
    assert not found[:40].any()
    assert not unexplained(0.8 * bone, 0.9 * bone + cloud + noise, everywhere, pixel=2.0).any()


def test_a_part_knows_its_place_and_its_size():
    subject = _block(lows=(5, 10, 10))
    part = Part.of(subject, None)
    torch.testing.assert_close(part.centre, torch.tensor([-10.0, 0.0, 0.0]).double())
    assert part.extent == pytest.approx(100)
    assert part.scale == pytest.approx(0.5)
    top, left, rows, columns = part.box(CAMERA, carm_pose(0, 0, 700), 2)
    seen = Renderer(subject, CAMERA)(carm_pose(0, 0, 700))[0, 0] > 0
    inside = torch.zeros_like(seen)
    inside[top : top + rows, left : left + columns] = True
    assert (inside | ~seen).all() and inside.sum() < 3 * seen.sum()


def test_both_sides_are_tried_and_said(example):
    """A start from behind the patient, where the X-ray was taken from the front."""
    case = make_case("whole chest", 2, 5)
    half_turn = rigid_motion([0, 0, 180], [0, 0, 0])
    search = Strategy(restarts=0, both_sides=True)
    found = refine(case.subject, case.xray, half_turn @ case.start, search=search, progress=False)
    assert case.error(found.world_from_camera)[0] < 1
    assert any("opposite" in reason for reason in found.reasons)


def test_a_tight_prior_holds_and_a_wide_one_does_not(example):
    case = make_case("whole chest", 1, 5)
    stages = register.STAGES[:2]
    held = refine(
        case.subject, case.xray, search=Strategy(stages=stages, prior=Prior(0.01, 0.01), restarts=0), progress=False
    )
    free = refine(case.subject, case.xray, search=Strategy(stages=stages, restarts=0), progress=False)
    moved = [evaluate.geodesic(pose.world_from_camera, case.start, CAMERA.sid).double.item() for pose in (held, free)]
    assert moved[0] < 0.1 * moved[1]


@pytest.mark.parametrize("value", [0, -1, (1, 2), float("inf"), (1, 2, 0)])
def test_a_prior_is_positive(value):
    with pytest.raises(ValueError, match="standard deviation"):
        Prior(rotation=value)


def test_uncertainty_is_in_the_cameras_axes(example):
    """One view knows the position across its beam better than along it; two views know both."""
    case = make_case("whole chest", 1, 5)
    found = refine(case.subject, case.xray, progress=False)
    assert found.uncertainty.shape == (6,)
    assert found.uncertainty[5] > 3 * found.uncertainty[3:5].max()
    inside = invert(found.world_from_camera)
    off = transform_points(inside, case.points) - transform_points(invert(case.truth), case.points)
    assert off.mean(0)[2].abs() < 5 * found.uncertainty[5]
