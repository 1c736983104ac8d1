import io
import json
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchio
from tqdm import tqdm

from diffpose_nb import ct, dicom, evaluate, frames, register
from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, exp_se3, rigid_motion
from diffpose_nb.images import XRay, open_field
from diffpose_nb.register import Comparison, Strategy
from diffpose_nb.register.pixels import level as level_module
from diffpose_nb.register.pixels.level import Level
from diffpose_nb.register.search import damped_step, prior
from diffpose_nb.render import smoothed
from diffpose_nb.similarity import NormalEquations
from diffpose_nb.simulate import simulate_xray

CAMERA = Camera(1020, (1.0, 1.0), (320, 320))


@pytest.fixture(scope="module")
def landmarks(example):
    return ct.landmarks(example)


@pytest.fixture(scope="module")
def xray(example):
    motion = rigid_motion([4, -3, 2], [12, -9, 15])
    return simulate_xray(example, CAMERA, 15, 10, 700, motion=motion, seed=1)


def test_x_rays_from_their_headers(example, landmarks, tmp_path, measured):
    """Views and motions from a seed, simulated, written to DICOM, read back, registered from the header's pose."""
    rng = np.random.default_rng(20240619)
    starts, ends, seconds = [], [], []
    while len(ends) < 3:
        primary, secondary = rng.uniform(-60, 60), rng.uniform(-25, 25)
        motion = rigid_motion(rng.uniform(-8, 8, 3), rng.uniform(-30, 30, 3))
        nominal = carm_pose(primary, secondary, 700)
        if evaluate.mtre(nominal, motion @ nominal, landmarks) < 15:
            continue
        taken = simulate_xray(example, CAMERA, primary, secondary, 700, motion=motion, seed=len(ends), supersampling=1)
        path = tmp_path / f"{len(ends)}.dcm"
        dicom.write_xray(path, taken)
        read = dicom.read_xray(path)
        assert read.true_world_from_camera is None  # no file knows the truth
        found = register.refine(example, read, progress=False)
        truth = taken.true_world_from_camera
        starts.append(evaluate.mtre(read.world_from_camera, truth, landmarks).item())
        ends.append(evaluate.mtre(found.world_from_camera, truth, landmarks).item())
        seconds.append(found.trace.seconds.iloc[-1])
    each = "  ".join(f"{a:.1f} -> {b:.2f} ({s:.1f})" for a, b, s in zip(starts, ends, seconds, strict=True))
    measured(f"mTRE, mm, from the header -> registered (seconds): {each}")
    assert min(starts) > 15
    assert max(ends) < 2
    assert np.median(ends) < 1


def test_the_trace_tells_the_story(example, xray):
    found = register.refine(example, xray, progress=False)
    trace = found.trace
    assert len(trace) == len(found.poses)
    assert trace.stage.is_monotonic_increasing
    for _, stage in trace.groupby("stage"):
        accepted = stage.cost[stage.accepted]
        assert (accepted.diff().dropna() < 1e-4).all(), "but for what is known beforehand, the cost falls"
    assert (trace.attempt == 1).all()
    best = trace[trace.accepted].index[-1]
    torch.testing.assert_close(found.poses[best], found.world_from_camera)
    assert found.ncc == pytest.approx(1 - trace.cost[best])
    assert found.judgement == "found" and found.confidence > 0.9
    assert found.reason in ("converged", "reached its last iteration")


def test_derivatives_of_a_level_are_those_of_its_cost(example, xray):
    """The whole chain, march to normal equations, against differences of the cost."""
    stage = replace(register.STAGES[1], smoothing=6.0, iterations=1, tolerance=(0, 0))
    valid = torch.ones(CAMERA.shape, dtype=torch.bool)
    level = Level(stage, smoothed(example, stage.voxel, stage.smoothing, 1.0), CAMERA, xray.attenuation(), valid, 700.0)
    pose = rigid_motion([1, -1, 1], [3, -2, 4]) @ xray.true_world_from_camera
    gradient = level.linearise(pose)[0].gradient
    for axis in range(6):
        twist = torch.zeros(6, dtype=torch.float64)
        twist[axis] = 1e-4 if axis < 3 else 1e-2
        ahead, behind = (level.linearise(exp_se3(sign * twist) @ pose)[0].cost for sign in (1, -1))
        expected = (ahead - behind) / (2 * twist[axis])
        torch.testing.assert_close(gradient[axis], expected, rtol=0.03, atol=0.01 * gradient.abs().max().item())


def test_a_pose_is_rendered_once(example, xray, monkeypatch):
    """To choose the pixels, to compare them, to choose them anew and to judge: with one DRR."""
    rendered = []
    march = level_module.ray_jacobian
    monkeypatch.setattr(level_module, "ray_jacobian", lambda *a, **k: (rendered.append(len(a[1])), march(*a, **k))[1])
    stage, pose = register.STAGES[2], xray.true_world_from_camera
    volume, attenuation = smoothed(example, stage.voxel, stage.smoothing, 1.0), xray.attenuation()
    valid = open_field(attenuation)

    def lower_part(level, pose):
        chosen = level.open & (level.picture(pose).image > 0)
        chosen[:20] = False
        return chosen

    level = Level(stage, volume, CAMERA, attenuation, valid, 700.0, choose=lower_part)
    level.begin(pose)
    first = level.linearise(pose)[0]
    level.revise(pose)
    torch.testing.assert_close(level.image(pose), level.picture(pose).image)
    assert rendered == [level.open.sum()]
    away = rigid_motion([0, 0, 0], [5, 0, 0]) @ pose
    assert level.linearise(away)[0].cost != first.cost
    assert len(rendered) == 2, "at another pose there is another one"
    torch.testing.assert_close(level.linearise(pose)[0].cost, first.cost)
    assert 0.5 < level.seen(pose) * level.open.numel() / level.valid.sum() < 1.5


def test_a_lost_start_is_restarted(example, xray):
    far = rigid_motion([25, -20, 15], [60, 40, -50]) @ xray.world_from_camera
    once = register.refine(example, xray, far, search=Strategy(restarts=0), progress=False)
    assert once.judgement == "lost", "this start is meant to be too far"
    again = register.refine(example, xray, far, search=Strategy(restarts=1), progress=False)
    assert again.trace.attempt.max() == 2
    assert again.confidence >= once.confidence
    first = again.trace[again.trace.attempt == 1]
    np.testing.assert_allclose(first.cost, once.trace.cost)


def test_confidence_tells_the_lost_from_the_found(example, landmarks, xray):
    """An X-ray of one view, started from another: whatever comes out is not the pose, and it says so."""
    lost = register.refine(example, xray, carm_pose(-100, 0, 700), search=Strategy(restarts=0), progress=False)
    assert evaluate.mtre(lost.world_from_camera, xray.true_world_from_camera, landmarks) > 20
    assert lost.judgement == "lost"
    assert any("NCC" in reason for reason in lost.reasons)


def test_an_interrupt_returns_the_best_so_far(example, xray):
    def stop(step):
        if step.stage == 2:
            raise KeyboardInterrupt

    found = register.refine(example, xray, progress=False, callback=stop)
    assert found.reason == "interrupted"
    assert found.trace.stage.max() == 2
    torch.testing.assert_close(found.world_from_camera, found.poses[-1])
    at_once = register.refine(
        example, xray, progress=False, callback=lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    torch.testing.assert_close(at_once.world_from_camera, xray.world_from_camera)


def test_the_callback_sees_what_is_compared(example, xray):
    steps = []
    register.refine(
        example,
        xray,
        search=Strategy(stages=register.STAGES[:1], restarts=0),
        progress=False,
        callback=steps.append,
    )
    assert all(step.image.shape == step.target.shape == (64, 64) for step in steps)
    assert steps[0].target.isnan().any(), "behind the collimator there is nothing to compare"


def test_it_does_not_matter_which_side_the_image_is_seen_from(example, xray, landmarks):
    turned = register.refine(example, xray.flip(), progress=False)
    assert evaluate.mtre(turned.world_from_camera, xray.true_world_from_camera, landmarks) < 2


def test_a_changed_ct_is_not_taken_for_the_old_one(example):
    subject = torchio.Subject(
        density=torchio.ScalarImage(
            tensor=example["density"].data[:, ::8, ::8, ::4].clone(), affine=np.diag([6, 6, 10, 1])
        )
    )
    stage = register.STAGES[0]
    before = smoothed(subject, stage.voxel, stage.smoothing, 1.0)
    assert smoothed(subject, stage.voxel, stage.smoothing, 1.0) is before
    subject["density"].data.mul_(2)
    after = smoothed(subject, stage.voxel, stage.smoothing, 1.0)
    np.testing.assert_allclose(after.values * after.unit, 2 * before.unit * before.values, atol=after.unit)


def test_a_saved_pose_comes_back_and_leads_to_the_scanner(example, xray, tmp_path):
    found = register.refine(example, xray, **FIRST_STAGE)
    path = tmp_path / "deep" / "pose.json"
    found.save(path, example)
    assert torch.equal(register.load_pose(path), found.world_from_camera)
    lps = torch.tensor(json.loads(path.read_text(encoding="utf-8"))["lps_from_camera"], dtype=torch.float64)
    torch.testing.assert_close(lps, example["lps_from_world"] @ found.world_from_camera)
    assert list(path.parent.iterdir()) == [path], "nothing half-written is left"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"world_from_camera": "here"}'])
def test_a_file_without_a_pose_is_refused(tmp_path, text):
    path = tmp_path / "pose.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="no pose in it"):
        register.load_pose(path)


def _xray(pixels):
    return XRay(pixels=pixels, camera=CAMERA, world_from_camera=carm_pose(0, 0, 700), notes=[])


def test_what_cannot_be_registered_is_refused(example, xray):
    broken = xray.pixels.clone()
    broken[3, 4] = float("nan")
    mirror = torch.diag(torch.tensor([-1.0, 1, 1, 1])).double() @ xray.world_from_camera
    for image, pose, message in [
        (_xray(broken), None, "NaN"),
        (_xray(torch.full(CAMERA.shape, 5.0)), None, "every pixel of the X-ray is 5"),
        (xray, mirror, "not one rigid transform"),
        (xray, torch.eye(3), "not one rigid transform"),
    ]:
        with pytest.raises(ValueError, match=message):
            register.refine(example, image, pose, progress=False)


def test_two_threads_may_register_at_once(example, xray):
    found = {}

    def work(n):
        found[n] = register.refine(
            example, xray, search=Strategy(stages=register.STAGES[:2], restarts=0), progress=False
        )

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    torch.testing.assert_close(found[0].world_from_camera, found[1].world_from_camera)
    assert frames.invert(found[0].world_from_camera).isfinite().all()


COARSE = register.STAGES[:3]
"""Good to two millimetres, and quick."""
ONCE = {"search": Strategy(restarts=0), "progress": False}
FIRST_STAGE = {"search": Strategy(stages=register.STAGES[:1], restarts=0), "progress": False}
SMALL = Camera(1020, (2.0, 2.0), (160, 160))


@pytest.fixture(scope="module")
def pair(example):
    """Two views of one patient, who has moved once."""
    motion = rigid_motion([4, -3, 2], [12, -9, 15])
    views = [(10, 5), (100, 0)]
    return [
        simulate_xray(example, SMALL, a, b, 700, motion=motion, seed=n, supersampling=1)
        for n, (a, b) in enumerate(views)
    ]


def _mtre(found, xray, landmarks):
    pose = found.world_from_camera
    return evaluate.mtre(pose if pose.ndim == 2 else pose[0], xray.true_world_from_camera, landmarks).item()


def test_a_search_that_converges_early_leaves_no_unfinished_bar(example, pair, monkeypatch):
    """In JupyterLab a bar that is closed before its total stays there, in red."""
    bars = []

    def bar(*args, show, **kwargs):
        bars.append(tqdm(*args, file=io.StringIO(), **kwargs))
        return bars[-1]

    monkeypatch.setattr("diffpose_nb.register.refinement.progress_bar", bar)
    found = register.refine(example, pair[0], search=FIRST_STAGE["search"])
    assert 1 < len(found.trace) < register.STAGES[0].iterations, "it converged early"
    assert bars[0].n == bars[0].total == len(found.trace)


def test_two_views_move_together_and_know_the_depth(example, landmarks, pair):
    """With bone too thin, as the CT has it, depth from one view is off; across its beam the other view knows better."""
    plain = {"search": Strategy(stages=COARSE, restarts=0, bone=1.0), "progress": False}
    alone = register.refine(example, pair[0], **plain)
    both = register.refine(example, pair, **plain)
    assert both.world_from_camera.shape == (2, 4, 4) and both.poses.shape[1:] == (2, 4, 4)
    assert _mtre(both, pair[0], landmarks) < 0.5 * _mtre(alone, pair[0], landmarks)
    moved = [p @ frames.invert(x.world_from_camera) for p, x in zip(both.world_from_camera, pair, strict=True)]
    torch.testing.assert_close(moved[0], moved[1], msg="one patient, one motion")


def test_one_view_in_a_list_is_the_same_as_alone(example, pair):
    alone = register.refine(example, pair[0], search=Strategy(stages=COARSE[:2], restarts=0), progress=False)
    listed = register.refine(example, pair[:1], search=Strategy(stages=COARSE[:2], restarts=0), progress=False)
    torch.testing.assert_close(listed.world_from_camera, alone.world_from_camera[None])


def test_two_views_find_the_sid_and_one_does_not(example, landmarks, pair):
    """A header whose SID is 15 mm short. One view puts the patient elsewhere instead, as it may."""
    wrong = [replace(x, camera=replace(x.camera, sid=x.camera.sid - 15)) for x in pair]
    both = register.refine(example, wrong, search=Strategy(restarts=0, calibrate=True), progress=False)
    assert [camera.sid for camera in both.camera] == pytest.approx([1020, 1020], abs=3)
    assert _mtre(both, pair[0], landmarks) < 1
    alone = register.refine(example, wrong[0], search=Strategy(restarts=0, calibrate=True), progress=False)
    assert alone.camera.sid == pytest.approx(1005, abs=5), "nothing in one image says otherwise"
    assert _mtre(alone, pair[0], landmarks) > 5
    assert alone.looseness > 2 * both.looseness


def test_the_prior_is_the_derivative_of_itself():
    correction = torch.tensor([4.0, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
    equations = prior(correction)
    (gradient,) = torch.autograd.grad(equations.cost, correction)
    torch.testing.assert_close(equations.gradient[6:].detach(), gradient)
    assert not equations.gradient[:6].any()
    torch.testing.assert_close(equations.hessian.detach()[6:, 6:] @ correction.detach(), gradient)


def test_a_step_is_the_same_in_all_axes_unless_it_is_damped():
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    gradient = 1e-3 * torch.randn(6, generator=generator, dtype=torch.float64)
    equations = NormalEquations(torch.tensor(1.0), gradient, root @ root.mT)
    axes = carm_pose(20, 10, 7)
    plain = [damped_step(equations, 0.0, 1.0, frame) for frame in (None, axes)]
    torch.testing.assert_close(*plain)
    damped = [damped_step(equations, 1.0, 1.0, frame) for frame in (None, axes)]
    assert not torch.allclose(*damped)


@pytest.mark.parametrize("axes", ["camera", "source"])
def test_other_axes_lead_to_the_same_pose(example, landmarks, pair, axes):
    found = register.refine(example, pair[0], search=Strategy(restarts=0, axes=axes), progress=False)
    assert _mtre(found, pair[0], landmarks) < 1


def test_only_the_spine_and_only_some_patches(example, landmarks, pair):
    spine = [f"vertebrae_T{n}" for n in range(4, 12)]
    compared = []
    at_edges = Comparison(patches=60, score=lambda image: image.abs())
    for choice in (Comparison(), Comparison(structures=spine), Comparison(patches=60), at_edges):
        steps = []
        found = register.refine(example, pair[0], **ONCE, compare=choice, callback=steps.append)
        assert _mtre(found, pair[0], landmarks) < 2
        compared.append(int(steps[-1].image.isfinite().sum()))
    assert all(fewer < 0.8 * compared[0] for fewer in compared[1:])


def test_without_the_collimators_mask_it_fails(example, landmarks, pair):
    everything = torch.ones(SMALL.shape, dtype=torch.bool)
    masked = register.refine(example, pair[0], **ONCE)
    bare = register.refine(example, pair[0], compare=Comparison(valid=everything), **ONCE)
    assert _mtre(bare, pair[0], landmarks) > 3 * _mtre(masked, pair[0], landmarks)


def test_damping_takes_a_bad_step_back(example, pair):
    """Steps three and a half times too long."""
    wild = [replace(register.STAGES[0], gain=3.5)]
    damped = register.refine(example, pair[0], search=Strategy(stages=wild, restarts=0), progress=False).trace
    assert not damped.accepted.all()
    undamped = Strategy(stages=[replace(wild[0], damping=0.0)], restarts=0)
    plain = register.refine(example, pair[0], search=undamped, progress=False).trace
    assert plain.accepted.all()
    assert damped.cost[damped.accepted].iloc[-1] < plain.cost.iloc[-1]


def test_what_separates_failed_from_successful(example, landmarks, pair):
    """Starts from near to far: every number that speaks of success is better in each good one than in any bad one."""
    rng = np.random.default_rng(3)
    good, bad = [], []
    for distance in (0.3, 0.6, 1.0, 3.0, 4.0, 5.0):
        start = rigid_motion(distance * rng.normal(0, 12, 3), distance * rng.normal(0, 25, 3))
        if distance in (0.6, 3.0):
            continue
        found = register.refine(example, pair[0], start @ pair[0].world_from_camera, **ONCE)
        (good if _mtre(found, pair[0], landmarks) < 2 else bad).append(found)
    assert len(good) >= 2 and len(bad) >= 2
    assert {f.judgement for f in good} == {"found"} and {f.judgement for f in bad} == {"lost"}
    assert min(f.ncc for f in good) > max(f.ncc for f in bad)
    assert max(f.looseness for f in good) < min(f.looseness for f in bad)


def test_agreement_is_asked_for(example, pair):
    settings = {"search": Strategy(stages=COARSE, restarts=0), "progress": False}
    assert np.isnan(register.refine(example, pair[0], **settings).agreement)
    right = register.refine(example, pair[0], confirm=2, **settings)
    assert right.agreement == 1
    assert right.judgement != "lost" and not any("further attempts" in reason for reason in right.reasons)
    assert right.trace.attempt.max() == 3


def test_no_agreement_no_confidence(example, pair):
    """One coarse stage cut short: every attempt ends where it happens to be."""
    hasty = [replace(register.STAGES[1], iterations=1)]
    found = register.refine(example, pair[0], search=Strategy(stages=hasty, restarts=0), confirm=2, progress=False)
    assert found.agreement == 0
    assert found.confidence == 0 < found.ncc


def test_how_far_apart_two_poses_are():
    pose = carm_pose(20, 10, 700)
    shifted = rigid_motion([0, 0, 0], [3, 0, 4]) @ pose
    assert register.apart(pose, shifted) == pytest.approx(5)
    turned = rigid_motion([0, 0, 1], [0, 0, 0]) @ pose  # two of the six points are on the axis
    assert register.apart(pose, turned) == pytest.approx(np.deg2rad(1) * 100 * 4 / 6, rel=1e-3)


@pytest.mark.parametrize(
    ("compare", "message"),
    [
        (Comparison(valid=torch.ones(3, 3)), "a mask of each X-ray"),
        (Comparison(structures=["tail"]), "tail"),
    ],
)
def test_comparisons_that_make_no_sense_are_refused(example, pair, compare, message):
    with pytest.raises(ValueError, match=message):
        register.refine(example, pair[0], compare=compare, **ONCE)


def test_strategies_that_make_no_sense_are_refused(example):
    with pytest.raises(ValueError, match="stages is empty"):
        Strategy(stages=())
    with pytest.raises(ValueError, match="axes is 'moon'"):
        Strategy(axes="moon")
    with pytest.raises(ValueError, match="no X-ray"):
        register.refine(example, [], progress=False)
