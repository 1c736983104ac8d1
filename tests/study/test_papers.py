"""What papers compare: the descents, the baselines, and the tables that ship."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.testing import assert_close

from diffpose_nb import ct, data, evaluate
from diffpose_nb.camera import Camera, camera_axes, change_axes, exp_se3, invert, moved, rigid_motion
from diffpose_nb.dicom import XRay
from diffpose_nb.frames import carm_pose
from diffpose_nb.register import descend
from diffpose_nb.render import Renderer, pose_jacobian, smoothed
from diffpose_nb.study.papers import adam, evolution, landmarks, live, similarities, table, traces
from diffpose_nb.train import CAMERA as SMALL
from diffpose_nb.train import PoseRange, PoseRegressor

CAMERA = Camera(1020, (4.8, 4.8), (64, 64))
TRUTH = carm_pose(8, -5, 700)
OFF = torch.tensor([2.0, -2.0, 1.5, 6.0, -5.0, 8.0])


@pytest.fixture(scope="module")
def subject():
    """A block with some bars in it."""
    rng = np.random.default_rng(3)
    hounsfield = np.full((40, 32, 44), -1000.0)
    hounsfield[3:37, 3:29, 2:42] = 20
    for _ in range(14):
        i, j, k = (int(rng.integers(4, n - 9)) for n in hounsfield.shape)
        hounsfield[i : i + 6, j : j + 3, k : k + 4] = 900
    return ct.make_subject(hounsfield, np.diag([6.0, 6.0, 6.0, 1.0]))


@pytest.fixture(scope="module")
def xray(subject):
    pixels = 60_000 * torch.exp(-Renderer(subject, CAMERA)(TRUTH)[0, 0])
    return XRay(pixels, CAMERA, carm_pose(0, 0, 700), true_world_from_camera=TRUTH)


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.uniform(-70, 70, (12, 3)), columns=["x", "y", "z"]).assign(name="a point")


def test_the_loop_is_that_of_the_published_refinement(subject, xray):
    start = moved(TRUTH, OFF)
    published = descend(subject, xray, start, iterations=6, patches=20, pixels=64, seed=5, progress=False)
    level = adam.prepared(subject, xray, 64, 1.5)
    found = adam.descend_on(adam.sparse_similarity(level, 20, seed=5), start, 6)
    assert_close(found.poses[:-1], published.poses, atol=1e-4, rtol=0)
    assert_close(found.poses[-1], published.world_from_camera, atol=1e-4, rtol=0)
    assert np.allclose(found.costs, published.trace.cost, atol=1e-6)


@pytest.mark.parametrize("name", adam.PARAMETERIZATIONS)
def test_every_parameterisation_begins_at_the_start_and_goes_down(subject, xray, name):
    code, convention = adam.PARAMETERIZATIONS[name]
    level = adam.prepared(subject, xray, 64, 4.0)
    ncc = adam.whole_similarity(level, similarities.SIMILARITIES["DiffPose's"])
    start = moved(TRUTH, OFF)
    found = adam.descend_on(ncc, start, 12, rates=(2e-3, 1.0), parameterization=code, convention=convention)
    assert_close(found.poses[0], start, atol=2e-4, rtol=0)
    assert found.costs[-1] < 0.9 * found.costs[0]


def test_a_so3_logarithm_is_an_axis_and_an_angle(subject, xray):
    level = adam.prepared(subject, xray, 64, 4.0)
    ways = [
        adam.descend_on(adam.sparse_similarity(level, 20), moved(TRUTH, OFF), 5, parameterization=code).poses
        for code in (adam.SO3, "axis_angle")
    ]
    assert_close(*ways, atol=2e-3, rtol=0)


def test_xvr_s_schedule_ends_when_nothing_is_gained():
    values = iter([1.0, 0.5, *[0.5] * 100])
    flat = adam.descend_on(lambda pose, n: adam.Cost(pose.sum() * 0 + next(values), 1), TRUTH, 90,
                           plateau=(0.1, 5, 1e-4, 2))  # fmt: skip
    assert len(flat.costs) == 2 + 2 * (5 + 1)  # two reductions, each after five iterations without a gain and one more


def test_xvr_s_scales_have_deepfluoro_s_pixels(subject):
    fine = Camera(1020, (0.97, 0.97), (320, 320))
    seen = XRay(torch.full((320, 320), 100.0), fine, TRUTH)
    widths = {scale: level.camera.pixel_spacing[0] for scale, level in adam.xvr_levels(subject, seen)}
    assert all(abs(width / (scale * 0.194) - 1) < 0.2 for scale, width in widths.items())
    assert list(widths) == [24, 12, 6]


def test_gmncc_by_hand():
    generator = torch.Generator().manual_seed(0)
    image, target = torch.rand(2, 20, 20, generator=generator)
    assert similarities.gmncc(3 * target + 1, target) > 0.99
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])

    def ncc(x, y):
        x, y = (v - v.mean() for v in (x, y))
        return (x * y).mean() / (x.square().mean() * y.square().mean()).sqrt()

    def edges(picture, filter_):
        return torch.nn.functional.conv2d(picture[None, None], filter_[None, None])[0, 0]  # no border

    def patches(x, y, side):
        rows = range(x.shape[0] - side + 1)
        each = [ncc(x[i : i + side, j : j + side], y[i : i + side, j : j + side]) for i in rows for j in rows]
        return torch.stack(each).mean()

    gradient = sum(patches(edges(image, f), edges(target, f), 11) for f in (kernel, kernel.T)) / 2
    multiscale = (ncc(image, target) + patches(image, target, 9)) / 2
    assert_close(similarities.gmncc(image, target), ((multiscale + gradient) / 2).double(), atol=2e-3, rtol=0)


def test_an_invalid_pixel_counts_for_nothing():
    generator = torch.Generator().manual_seed(1)
    image, target = torch.rand(2, 24, 24, generator=generator)
    valid = torch.ones(24, 24, dtype=torch.bool)
    valid[:, :4] = False
    spoilt = image.where(valid, 1e3)
    assert_close(similarities.gmncc(spoilt, target, valid), similarities.gmncc(image, target, valid))


@pytest.mark.parametrize("mirrored", [True, False])
def test_a_pose_from_landmarks_though_some_are_wrong(points, mirrored):
    pytest.importorskip("cv2")
    camera = Camera(1020, (3.2, 3.2), (96, 96), mirrored=mirrored)
    places = torch.tensor(points[["x", "y", "z"]].to_numpy(copy=True))
    at = camera.project(places, TRUTH)
    at[:3] += torch.tensor([[20.0, -15.0], [-30.0, 5.0], [12.0, 40.0]])
    pose = landmarks.pose_from_landmarks(places, at, camera)
    assert evaluate.mtre(pose, TRUTH, points) < 0.01
    assert landmarks.pose_from_landmarks(places[:5], at[:5], camera) is None


def test_a_landmark_network_learns_and_goes_on(subject, points, tmp_path):
    network = PoseRegressor(PoseRange(5, 5, 2, 10, 10), SMALL, channels=(16, 16, 16, 16))
    path, losses = tmp_path / "new" / "network.pt", {}
    options = {"batch": 4, "pool": 4, "progress": False, "callback": losses.__setitem__}
    landmarks.fit_landmarks(subject, points, network, path, steps=8, **options)
    assert list(losses) == list(range(8)) and losses[7] < losses[0]
    again = landmarks.fit_landmarks(subject, points, network, path, steps=8, **options)
    assert len(losses) == 8  # nothing was left to do
    with pytest.raises(ValueError, match="8 steps, not 20"):
        landmarks.fit_landmarks(subject, points, network, path, steps=20, **options)
    for own, kept in zip(again.parameters(), landmarks.load_network(path).parameters(), strict=True):
        assert torch.equal(own, kept)


def test_a_landmark_is_where_its_map_is_highest():
    class Peaks(torch.nn.Module):
        def forward(self, pictures):
            logits = torch.zeros(1, 2, 48, 48)
            logits[0, 0, 10, 20] = logits[0, 0, 10, 21] = 30.0
            return logits

    network = type("Network", (), {"prepare": lambda self, xray: torch.zeros(1, 1, 96, 96)})()
    at, certain = landmarks.find_landmarks(Peaks(), network, None)
    assert_close(at[0], torch.tensor([41.5, 20.5]).double())  # two pixels of the picture are one of the map
    assert certain[0] > 0.99 and certain[1] < 0.05


def test_the_evolution_strategy_gets_nearer(subject, xray, points):
    pytest.importorskip("cma")
    start = moved(TRUTH, OFF)
    half = torch.tensor([5.0, 5, 5, 15, 15, 20]).double()
    found = evolution.evolve(subject, xray, start, half, evaluations=240, voxel=6.0)
    again = evolution.evolve(subject, xray, start, half, evaluations=240, voxel=6.0)
    assert evaluate.mpe(found, TRUTH, points, CAMERA) < 0.5 * evaluate.mpe(start, TRUTH, points, CAMERA)
    assert torch.equal(found, again)


def test_the_logarithm_leads_back():
    generator = torch.Generator().manual_seed(2)
    offsets = 20 * torch.randn(5, 6, generator=generator, dtype=torch.float64)
    truth = torch.stack([rigid_motion([10.0 * n, 5, 3], [4, 5, 6]) @ TRUTH for n in range(5)])
    estimate = torch.stack([moved(pose, offset) for pose, offset in zip(truth, offsets, strict=True)])
    found = table.logarithm(estimate, truth)
    assert_close(found, offsets)
    twist = torch.cat([torch.deg2rad(found[0, :3]), found[0, 3:]])
    assert torch.isfinite(exp_se3(twist)).all()
    assert_close(table.logarithm(truth, truth), torch.zeros(5, 6).double(), atol=1e-9, rtol=0)


def test_coordinates_are_those_of_the_motion_from_the_isocentre():
    isocentre = carm_pose(0, 0, CAMERA.sid / 2)
    turned = moved(isocentre, torch.tensor([3.0, 0, 0, 0, 0, 0]))
    shifted = moved(isocentre, torch.tensor([0.0, 0, 0, 4, 5, 6]))
    found = live.coordinates(torch.stack([isocentre, turned, shifted]), CAMERA.sid)
    assert np.allclose(found["logarithm, turn"], [[0, 0, 0], [3, 0, 0], [0, 0, 0]], atol=1e-9)
    assert np.allclose(found["logarithm, shift"], [[0, 0, 0], [0, 0, 0], [4, 5, 6]], atol=1e-9)
    assert np.allclose(found["quaternion"].iloc[0].abs(), [0.5**0.5, 0.5**0.5, 0, 0])
    assert (found["quaternion"].w >= 0).all()
    assert np.allclose(found["place of the source"], torch.stack([isocentre, turned, shifted])[:, :3, 3])


def test_the_factors_of_diffpose_s_pose_end_at_the_c_arm_s(subject):
    stations = live.stations(subject, CAMERA, sod=700.0)
    assert_close(stations["both turns"][1], carm_pose(0, 0, CAMERA.sid / 2), atol=1e-6, rtol=0)
    assert_close(stations["and an offset"][1], carm_pose(0, 0, 700.0), atol=1e-6, rtol=0)
    sources = [pose[:3, 3] for _, pose in stations.values()]
    assert_close((sources[1] - sources[0]).norm(), sources[0].new_tensor([120.0, 96, 132]).norm())  # half the volume


def test_a_derivative_is_the_limit_of_differences(subject):
    volume = smoothed(subject, 6.0, 12.0, 1.0)
    exact = change_axes(pose_jacobian(volume, CAMERA, TRUTH)[1], camera_axes(TRUTH))
    apart = [
        (live.differences(volume, CAMERA, TRUTH, step) - exact).flatten(1).norm(dim=1) / exact.flatten(1).norm(dim=1)
        for step in (1.0, 20.0)
    ]
    assert apart[0].max() < 0.05 and (apart[1] > 2 * apart[0]).all()


def test_a_method_without_a_pose_is_infinitely_wrong(subject, xray, points, monkeypatch):
    bench = table.Bench(subject, points, PoseRegressor(PoseRange(), SMALL, channels=(16, 16, 16, 16)))
    monkeypatch.setattr(table, "HOW", {"nothing": lambda *_: None, "the truth": lambda *_: TRUTH})
    lost = table.run_method(bench, xray, 3, "nothing")
    assert np.isinf(lost["mtre"]) and np.isnan(lost["xx"]) and lost["xray"] == 3
    right = pd.DataFrame([table.run_method(bench, xray, 3, "the truth")])
    assert right.mtre[0] < 1e-9
    assert_close(table.poses(right)[0], TRUTH)


def test_only_x_rays_with_every_method_are_compared():
    rows = pd.DataFrame({"xray": [0, 0, 1], "method": ["a", "b", "a"]})
    assert set(table.complete(rows).xray) == {0}
    patients = pd.concat([rows.assign(patient="p"), rows.iloc[:2].assign(patient="q", xray=1)])
    assert list(table.complete(patients).patient) == ["p", "p", "q", "q"]


def test_descents_are_read_through_all_scales(tmp_path):
    path = tmp_path / "traces.csv"
    lines = ["# about", "part,name,xray,scale,iterations,mtre", "scales,xvr's,0,24,7,10 6 4", "scales,xvr's,0,12,3,4 2"]
    path.write_text("\n".join(lines), encoding="utf-8")
    found = traces.load(path)
    assert list(found.iteration) == [0, 5, 7, 7, 10] and list(found.mtre) == [10, 6, 4, 4, 2]
    assert traces.ends(found, "scales").loc[0, "xvr's"] == 2


def test_a_trace_keeps_the_error_on_the_way(subject, xray, points, monkeypatch):
    monkeypatch.setattr(traces, "ITERATIONS", 7)
    trial = type("Trial", (), {"number": 4, "truth": TRUTH, "header": moved(TRUTH, OFF)})()
    rows = traces.run_trace(subject, points, trial, xray, trial.header, "parameterization", "quaternion")
    values = [float(value) for value in rows[0]["mtre"].split()]
    assert len(values) == 3 and rows[0]["iterations"] == 7  # 0, 5 and the end
    assert abs(values[0] - evaluate.mtre(trial.header, TRUTH, points).item()) < 0.05
    with pytest.raises(ValueError, match="part is 'colour'"):
        traces.names("colour")


def test_the_table_that_ships_is_what_it_says():
    """Errors belong to the poses beside them, and every method was run."""
    rows = table.complete(table.load())
    assert set(rows.method) == set(table.METHODS) and rows.xray.nunique() >= 8
    found = rows[np.isfinite(rows.mtre)]
    truth = table.truths(found.xray.tolist())
    points = ct.landmarks(ct.example())
    assert np.allclose(evaluate.mtre(table.poses(found), truth, points), found.mtre, rtol=1e-2, atol=2e-3)
    assert_close(table.poses(table.of(rows, table.MIDDLE))[0], carm_pose(0, 0, 700.0), atol=1e-4, rtol=0)
    assert (invert(truth[:1]) @ truth[:1]).allclose(torch.eye(4).double())


def test_descents_that_ship_cover_every_way():
    rows = traces.load()
    for part in traces.PARTS:
        some = rows[rows.part == part]
        assert set(some.name) == set(traces.names(part)) and some.xray.nunique() >= 3
    assert data.PAPERS_METHODS.stat().st_size + data.PAPERS_TRACES.stat().st_size < 300_000
