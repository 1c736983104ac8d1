"""The papers' protocols against the papers' own formulas and programs, and the corrected ones beside them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from diffdrr.drr import DRR
from diffdrr.metrics import DoubleGeodesicSE3

from diffpose_nb import ct, evaluate, frames
from diffpose_nb.camera import Camera, moved
from diffpose_nb.images import XRay
from diffpose_nb.study.public import protocols

CAMERA = Camera(1020, (0.194 * 24, 0.194 * 24), (60, 60))


@pytest.fixture(scope="module")
def subject():
    hounsfield = np.full((30, 26, 34), 20.0)
    hounsfield[10:20, 8:18, 8:26] = 600
    lps_from_voxel = np.diag([8.0, 8.0, 8.0, 1.0])
    lps_from_voxel[:3, 3] = [-50, 30, -400]
    return ct.make_subject(hounsfield, lps_from_voxel)


@pytest.fixture
def landmarks():
    points = np.random.default_rng(2).uniform(-90, 90, (14, 3))
    return pd.DataFrame(points, columns=["x", "y", "z"]).assign(name="landmark")


@pytest.fixture
def poses():
    truth = frames.carm_pose(12, -7, 740, (5, -9, 14))
    return moved(truth, torch.tensor([1.5, -2.0, 0.7, 4.0, -3.0, 9.0])), truth


def _xray(values):
    return XRay(values, CAMERA, frames.carm_pose(0, 0, 740))


def test_diffpose_pixels_are_a_logarithm_against_one_beam_from_0_to_1():
    intensity = protocols.BEAM * torch.exp(-torch.linspace(0, 4, 60)).repeat(60, 1)
    found = protocols.diffpose_pixels(_xray(intensity))
    assert found.min() == 0 and found.max() == 1
    np.testing.assert_allclose(found[30, 10:50].diff(), 1 / 59, atol=1e-3)  # a ramp stays one but for the blur
    assert found[0, 20] == pytest.approx(found[40, 20])


def test_xvr_pixels_are_no_line_integrals():
    """Between 0 and log 2; the darkest tenth of the beam, over half of the line integrals, gets a fifth of that."""
    integrals = torch.linspace(0, 4, 60)
    found = protocols.xvr_pixels(_xray(60_000 * torch.exp(-integrals).repeat(60, 1)))
    assert found.min() == 0 and found.max() == pytest.approx(np.log(2), abs=1e-5)
    dark = found[0, integrals > 4 - np.log(10)]
    assert dark.max() - dark.min() < 0.22 * np.log(2)
    # xvr's own formula, written out
    pixels = torch.exp(-integrals)
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    torch.testing.assert_close(found[0], np.log(2) - (pixels + 1).log(), atol=1e-5, rtol=0)


def test_xvr_subtracts_the_most_frequent_value():
    pixels = torch.full((60, 60), 1000.0)
    pixels[5:9], pixels[20:24] = 1100.0, 600.0  # brighter than the background, and a vessel
    found = protocols.xvr_pixels(_xray(pixels), subtract_background=True)
    assert torch.all(found[5:9] == 0) and torch.all(found[40] == 0)
    assert torch.all(found[20:24] > 0.1)


def test_diffpose_starts_are_the_published_distribution(subject):
    """Its mean: a source half of 1020 mm and 250 mm more behind the middle of the CT, and 10 and 5 mm aside."""
    poses = torch.stack([protocols.diffpose_start(subject, 1020, seed) for seed in range(200)])
    assert poses[:, 1, 3].median().item() == pytest.approx(-760, abs=40)  # turned about, so a little nearer
    directions = poses[:, :3, 2]
    spread = torch.rad2deg(torch.atan2(directions[:, 0], directions[:, 1]))
    assert directions[:, 1].mean() > 0.9  # the beam runs from back to front
    assert spread.std().item() == pytest.approx(np.rad2deg(0.25), rel=0.15)


def test_diffpose_start_by_its_own_isocentre_pose(subject, monkeypatch):
    """Without an offset: DICOM's 0°/0° with the middle of the CT half-way."""
    monkeypatch.setattr(np.random, "default_rng", lambda seed: type("Mean", (), {"normal": lambda *_: np.zeros(6)})())
    torch.testing.assert_close(
        protocols.diffpose_start(subject, 1020, 0), frames.carm_pose(0, 0, 510), atol=1e-6, rtol=0
    )


def test_xvr_starts_are_nanodrr_s_poses():
    """xvr draws with nanodrr: the same angles give the same pose."""
    make_rt_inv = pytest.importorskip("nanodrr.camera").make_rt_inv
    rng = np.random.default_rng(5)
    angles = torch.tensor(rng.uniform([135, -45, -15], [225, 45, 15])[None])
    shift = torch.tensor(rng.uniform([-150, 450, -150], [150, 1000, 150])[None])
    theirs = frames.from_nanodrr(make_rt_inv(angles, shift, "AP", torch.zeros(3).double()))[0]
    torch.testing.assert_close(protocols.xvr_start(5), theirs, atol=1e-3, rtol=0)
    sources = np.array([protocols.xvr_start(seed)[:3, 3].numpy() for seed in range(200)])
    assert np.all(np.linalg.norm(sources, axis=1) > 440) and (sources[:, 1] < 0).mean() > 0.95


def test_near_starts_are_as_far_as_they_say(poses, landmarks):
    _, truth = poses
    errors = [
        evaluate.mtre(protocols.near_start(truth, landmarks, seed), truth, landmarks).item() for seed in range(50)
    ]
    assert min(errors) >= 12 and max(errors) <= 34 and np.std(errors) > 2


def test_xvr_errors_are_what_its_evaluator_computes(subject, poses, landmarks):
    """Its four lines, with DiffDRR's projections."""
    drr = DRR(subject, **CAMERA.to_diffdrr(), renderer="trilinear")
    points = torch.tensor(landmarks[["x", "y", "z"]].to_numpy())[None].float()
    pred, true = (frames.to_diffdrr(pose) for pose in poses)
    x, y = (drr.perspective_projection(pose, points) for pose in (pred, true))
    mpe = (drr.detector.delx * (x - y)).norm(dim=-1).mean()
    mrpe = (drr.inverse_projection(pred, x) - drr.inverse_projection(true, y)).norm(dim=-1).mean()
    *_, dgeo = DoubleGeodesicSE3(drr.detector.sdd, eps=0.0)(true, pred)
    # its mTRE needs the frame in which it reads the subject: orientation AP
    carried = [frames.to_diffdrr(pose, "AP")(points) for pose in poses]
    mtre = (carried[0] - carried[1]).norm(dim=-1).mean()
    found = protocols.xvr_errors(*poses, landmarks, CAMERA)
    expected = {"mPE": mpe.item(), "mRPE": mrpe.item(), "mTRE": mtre.item(), "dGeo": dgeo.item()}
    assert found == pytest.approx(expected, abs=0.01)
    assert found["mTRE"] > 1.5 * evaluate.mtre(*poses, landmarks).item()  # another quantity


def test_diffpose_mtre_is_what_its_evaluator_printed():
    """DiffPose 0.0.1's own results (tests/reference): the factor is in them."""
    stored = json.loads((Path(__file__).parents[1] / "reference" / "evaluator.json").read_text(encoding="utf-8"))
    detector = {"sdr": stored["sid"] / 2, "height": stored["pixels"], "delx": 0.194, "reverse_x_axis": True}
    for case in stored["cases"]:
        (camera, estimate), (_, truth) = (
            frames.from_diffpose(torch.tensor(case[name]), torch.eye(4), **detector) for name in ("estimate", "truth")
        )
        points = pd.DataFrame(case["landmarks"], columns=["x", "y", "z"])
        found = protocols.diffpose_mtre(estimate, truth, points, camera, "deepfluoro")
        assert found == pytest.approx(case["published"], rel=1e-4)
        assert found == pytest.approx(0.194 * protocols.xvr_errors(estimate, truth, points, camera)["mRPE"])


def test_diffpose_counts_what_xvr_leaves_out(monkeypatch):
    asked = []
    monkeypatch.setattr(protocols.sets, "deepfluoro", lambda path, **kwargs: asked.append((path, kwargs)))
    protocols.diffpose_set("file"), protocols.xvr_set("file")
    assert asked == [("file", {"keep_wrong": True}), ("file", {})]


def test_success_by_two_definitions():
    assert protocols.diffpose_success(0.9) and not protocols.diffpose_success(1.1)
    assert protocols.corrected_success(0.9) and not protocols.corrected_success(1.1)
    # a registration that DiffPose counts and a surgeon would not
    assert protocols.diffpose_success(4.0 * protocols.FACTOR["deepfluoro"])
