"""Bones that have moved against each other."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from scipy.ndimage import map_coordinates

from diffpose_nb.camera import Camera, carm_pose, exp_se3, invert, rigid_motion, transform_points
from diffpose_nb.ct.partial import label_numbers
from diffpose_nb.register import Evidence, Prior, Stiffness, refine, refine_pieces
from diffpose_nb.register.piecewise.field import PolyrigidField, logarithm
from diffpose_nb.register.piecewise.field import belonging as belonging_of
from diffpose_nb.register.piecewise.march import piece_jacobian
from diffpose_nb.register.piecewise.pieces import PIECE_STAGES, _patch_normal_equations
from diffpose_nb.register.piecewise.springs import Springs
from diffpose_nb.register.piecewise.trust import _cropped, deviations_of, evidence_of, verdict_of
from diffpose_nb.register.piecewise.warp import Warp
from diffpose_nb.register.prior import Expectation
from diffpose_nb.render import ray_jacobian
from diffpose_nb.render.volumes.prepared import smoothed_volume
from diffpose_nb.similarity import PatchEquations, patch_equations
from diffpose_nb.study.kinds import VERTEBRA, make_case

SPINE = [f"vertebrae_T{n}" for n in range(5, 12)]
CAMERA = Camera(1020, (4.0, 4.0), (80, 80))


@pytest.fixture(scope="module")
def belonging(example):
    return belonging_of(example, label_numbers(example, SPINE[:3]))


def test_each_place_belongs_to_the_nearest_piece_most(belonging):
    weights, world_from_grid, centres = belonging
    torch.testing.assert_close(weights.sum(0), torch.ones(weights.shape[1:]))
    for number, centre in enumerate(centres):
        place = transform_points(torch.linalg.inv(world_from_grid), centre[None])[0].round().long()
        assert weights[number, place[0], place[1], place[2]] > 0.7


@pytest.mark.parametrize("twist", [[0.3, -0.2, 0.1, 5, -3, 2], [1e-6, 0, 0, 1, 2, 3], [0, 0, 0, 4, 5, 6]])
def test_the_logarithm_undoes_the_exponential(twist):
    twist = torch.tensor(twist, dtype=torch.float64)
    torch.testing.assert_close(logarithm(exp_se3(twist)), twist, rtol=1e-6, atol=1e-8)


@pytest.fixture(scope="module")
def bent(example, belonging):
    """A field that moves three vertebrae against each other, and a coarse CT before and after it."""
    weights, world_from_grid, _ = belonging
    twists = torch.tensor([[0.04, -0.04, 0, 5, 0, -4], [0, 0.02, 0.03, 0, 4, 2], [-0.04, 0, -0.05, -1, -5, 0]])
    field = PolyrigidField(weights, world_from_grid, exp_se3(twists.double()))
    volume = smoothed_volume(example, 3.0, 4.0, 2.0)
    return field, volume, Warp(field)(volume)


def test_the_warped_ct_is_the_ct_where_the_field_takes_it(bent):
    field, volume, moved = bent
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(2000, 3, generator=generator).double() * torch.tensor([60.0, 40, 60])

    def at(volume, points):
        index = transform_points(torch.linalg.inv(torch.from_numpy(volume.world_from_voxel)), points)
        return map_coordinates(volume.values, index.T.numpy(), order=1)

    here, there = at(volume, points), at(moved, field(points))
    assert (field(points) - points).norm(dim=1).mean() > 2
    assert abs(there - here).mean() < 0.2 * abs(at(moved, points) - here).mean()


def test_the_field_is_the_exponential_of_the_mean_logarithm(bent):
    field = bent[0]
    points = torch.tensor([[0.0, -60, 40], [20, -90, 0], [100, 50, 20]]).double()
    mean = field.weights_at(points) @ torch.stack([logarithm(motion) for motion in field.motions])
    expected = torch.stack([transform_points(exp_se3(m), p[None])[0] for m, p in zip(mean, points, strict=True)])
    torch.testing.assert_close(field(points), expected)


def test_shares_of_the_pieces_add_up_to_the_whole(bent):
    field, _, moved = bent
    warp, rays = Warp(field), CAMERA.rays(carm_pose(20, 10, 700))
    shares = [warp.share(moved, k).volume for k in range(3)]
    whole, *parts = (ray_jacobian(volume, *rays, 2 / 1020)[0] for volume in (moved.pack(), *shares))
    torch.testing.assert_close(sum(parts), whole, rtol=2e-3, atol=1e-2)


def test_all_pieces_together_move_as_one(bent):
    """The sum of the derivatives of all pieces is that of the whole CT, which another march computes."""
    field, _, moved = bent
    rays = CAMERA.rays(carm_pose(20, 10, 700))
    line, pieces = piece_jacobian(moved.pack(), *Warp(field).weights, *rays, 1 / 1020)
    expected, jacobian = ray_jacobian(moved.pack(), *rays, 1 / 1020)
    torch.testing.assert_close(line.double(), expected, rtol=1e-4, atol=1e-4)
    apart = (pieces.sum(0) - jacobian).norm(dim=1) / jacobian.norm(dim=1)
    assert (apart < 0.01).all(), apart


def test_the_derivatives_of_a_piece_are_those_of_the_warp(bent):
    """Against differences between CTs that are warped with this piece a little further."""
    field, volume, moved = bent
    piece = 1
    rays = CAMERA.rays(carm_pose(20, 10, 700))
    weights = Warp(field).weights
    _, pieces = piece_jacobian(moved.pack(), *weights, *rays, 1 / 1020)

    def seen(twist):
        motions = field.motions.clone()
        # a piece that is seen from a moved camera is a piece that moved the other way
        motions[piece] = exp_se3(-twist) @ motions[piece]
        return piece_jacobian(Warp(replace(field, motions=motions))(volume).pack(), *weights, *rays, 1 / 1020)[0]

    for n, step in enumerate([0.003] * 3 + [0.3] * 3):
        twist = torch.zeros(6).double()
        twist[n] = step
        numeric = (seen(twist) - seen(-twist)) / (2 * step)
        like = numeric @ pieces[piece, n] / (numeric.norm() * pieces[piece, n].norm())
        slope = numeric @ pieces[piece, n] / pieces[piece, n].square().sum()
        assert like > 0.95 and 0.9 < slope < 1.1, (n, like, slope)


def test_springs_pull_as_their_cost_says():
    """Gradient and matrix against differences of the cost, about motions that are not zero."""
    centres = torch.tensor([[0.0, 0, -30], [2, 1, 0], [0, 3, 30]]).double()
    springs = Springs(centres, carm_pose(20, 10, 700), Stiffness(3.0, 1.5), Prior(10.0, 30.0))
    assert sorted(map(sorted, springs.pairs)) == [[0, 1], [1, 2]]
    generator = torch.Generator().manual_seed(0)
    motions = exp_se3(torch.randn(3, 6, generator=generator).double() * torch.tensor([0.005] * 3 + [0.5] * 3))
    _, gradient, _ = springs.equations(motions, 100.0)
    for n in range(18):
        step = torch.zeros(18, dtype=torch.float64)
        step[n] = 1e-6 if n % 6 < 3 else 1e-4
        ahead, behind = (springs.equations(exp_se3(s * step.reshape(3, 6)) @ motions, 100.0)[0] for s in (1, -1))
        expected = (ahead - behind) / (2 * step[n].item())
        assert gradient[n].item() == pytest.approx(expected, rel=0.05, abs=0.02 * gradient.abs().max().item())


def test_many_parameters_at_once_are_what_few_are():
    """The product of matrices against the sums over patches, with patches that are left out and others that are
    weighed."""
    generator = torch.Generator().manual_seed(0)
    image, other = (torch.randn(40, 40, generator=generator).double() for _ in range(2))
    jacobian = torch.randn(6, 40, 40, generator=generator).double()
    target, stage = 0.6 * image + other, replace(PIECE_STAGES[0], patch=9, stride=5)
    level = SimpleNamespace(stage=stage, camera=SimpleNamespace(shape=(40, 40)), target=target)
    worth = torch.rand(40, 40, generator=generator).double()
    share = torch.nn.functional.avg_pool2d(worth[None], 9, 5).flatten()
    whole = share > 0.5
    images = torch.cat([image[None], jacobian]).flatten(1).float()
    cost, blocks, hessian = _patch_normal_equations(images, level, whole, share)
    each = patch_equations(image, jacobian, target, 9, 5, weighting="deviation")
    few = each.mean(share * whole)
    assert cost == pytest.approx(few.cost.item(), rel=1e-5)
    torch.testing.assert_close(blocks.sum(0), few.gradient, rtol=1e-4, atol=1e-6)
    assert 1 < len(blocks) < whole.sum()
    torch.testing.assert_close(hessian, few.hessian, rtol=1e-4, atol=1e-6)


def test_a_rigid_motion_of_all_pieces_stretches_no_spring():
    centres = torch.tensor([[0.0, 0, -30], [2, 1, 0], [0, 3, 30]]).double()
    springs = Springs(centres, carm_pose(0, 0, 700), Stiffness(), Prior(1e6, 1e6))
    cost, _, _ = springs.equations(rigid_motion([5, 3, -2], [4, 5, 6]).expand(3, 4, 4), 100.0)
    assert cost < 1e-9


def test_a_bent_patient_is_taken_to_pieces():
    """The trunk is bent by 6° in 100 mm, and one vertebra counts. The whole is off by millimetres there."""
    case = make_case("bent", 0, 5)
    whole = refine(case.subject, case.xray, progress=False)
    pieces = refine_pieces(case.subject, case.xray, whole.world_from_camera, SPINE, progress=False)
    _, across, along = case.error(pieces.pose(VERTEBRA))
    assert across < 1 and along < 3
    assert case.error(whole.world_from_camera)[0] > 4
    assert pieces.ncc > whole.ncc
    assert pieces.uncertainty.shape == (len(SPINE), 6) and pieces.confidence.shape == (len(SPINE),)
    assert (pieces.uncertainty[:, 5] > 1.5 * pieces.uncertainty[:, 3:5].amax(1)).all(), (
        "depth is what one view hardly says"
    )
    k = SPINE.index(VERTEBRA)
    assert pieces.judgement[k] != "lost" and pieces.confidence[k] > 0.5
    assert along < 3 * pieces.uncertainty[k, 5]
    assert all(said or judged == "found" for said, judged in zip(pieces.reasons, pieces.judgement, strict=True))
    own = transform_points(pieces.field.motions[SPINE.index(VERTEBRA)], case.points)
    from_whole = transform_points(invert(whole.world_from_camera), own)
    from_piece = transform_points(invert(pieces.pose(VERTEBRA)), case.points)
    torch.testing.assert_close(from_whole, from_piece)
    assert (pieces.field(case.points) - own).norm(dim=1).mean() < 1.5, "but for its neighbours' share"


def test_what_the_picture_does_not_say_of_a_piece_its_springs_say():
    """Two pieces; the picture knows the first one, and the second hangs on it. Its uncertainty is the spring's."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0, -15], [0, 0, 15]]).double()
    start = carm_pose(0, 0, 700)
    springs = Springs(centres, start, Stiffness(3.0, 1.5), Prior(1e3, 1e3))
    _, _, held = springs.equations(torch.eye(4, dtype=torch.float64).expand(2, 4, 4), 100.0)
    hessian, blocks = torch.zeros(12, 12).double(), torch.zeros(30, 12).double()
    hessian[:6, :6] = torch.diag(torch.tensor([1e6] * 3 + [1e3] * 3)).double()
    blocks[:, :6] = 1e-4 * torch.randn(30, 6, generator=generator).double()
    known, hanging = deviations_of(blocks, hessian, held, Expectation.weight(100.0), centres, start)
    assert known[3:].max() < 0.1
    assert hanging[:3].tolist() == pytest.approx([3.0] * 3, rel=0.05)
    lever = torch.tensor([(1.5**2 + (15 * 3.0 * torch.pi / 180) ** 2) ** 0.5, 1.5])
    assert hanging[3:].max() == pytest.approx(lever[0].item(), rel=0.05), (
        "across the line between them a turn shifts too"
    )
    assert hanging[3:].min() == pytest.approx(lever[1].item(), rel=0.05)


def test_a_piece_beside_the_picture_is_lost_and_says_so():
    unseen = Evidence(0.0, 0.0, 0.0, float("inf"), torch.ones(6).double(), 0.0, 0.0)
    verdict = verdict_of(unseen)
    assert verdict.judgement == "lost" and "neighbours" in verdict.reasons[0]
    assert evidence_of(None, 1, 0, [], torch.eye(4), torch.eye(4), torch.eye(6), torch.ones(6)).seen == 0


def test_patches_keep_their_places_in_the_box_that_holds_them():
    where = torch.tensor([23, 24, 33, 45])  # rows 2, 2, 3, 4 and columns 3, 4, 3, 5 of ten in a row
    patches = PatchEquations(*(torch.ones(4) for _ in range(4)), where)
    found, width = _cropped(patches, 10)
    assert width == 3 and found.where.tolist() == [0, 1, 3, 8]


def test_pieces_are_asked_for_rightly(example):
    xray = make_case("whole chest", 2, 5).xray
    with pytest.raises(ValueError, match="fewer than two"):
        refine_pieces(example, xray, xray.world_from_camera, SPINE[:1])
    with pytest.raises(ValueError, match="not in the label map"):
        refine_pieces(example, xray, xray.world_from_camera, ["vertebrae_T5", "femur"])
    with pytest.raises(ValueError, match="standard deviation"):
        Stiffness(rotation=0)
    assert all(stage.patch is not None for stage in PIECE_STAGES)
