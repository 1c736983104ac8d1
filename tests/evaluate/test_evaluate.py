import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from diffdrr.metrics import DoubleGeodesicSE3

from diffpose_nb import evaluate, frames
from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, exp_se3, invert, rigid_motion, to_diffdrr

LANDMARKS = torch.tensor([[10.0, 20, -30], [-60, 5, 40], [25, -45, 80], [0, 0, -70]], dtype=torch.float64)
POSE = carm_pose(30, 20, 700)


def test_a_perfect_pose_has_no_error():
    assert evaluate.mtre(POSE, POSE, LANDMARKS) == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_shift_of_the_camera_along_its_axis_is_its_own_length(axis):
    shift = torch.zeros(3)
    shift[axis] = 5
    moved = POSE @ rigid_motion([0, 0, 0], shift)
    assert evaluate.mtre(moved, POSE, LANDMARKS).item() == pytest.approx(5)


def test_a_turn_about_the_optical_axis_moves_each_landmark_along_its_arc():
    angle = torch.deg2rad(torch.tensor(3.0, dtype=torch.float64))
    in_camera = (torch.cat([LANDMARKS, torch.ones(4, 1)], 1) @ invert(POSE).mT)[:, :3]
    expected = (2 * torch.sin(angle / 2) * in_camera[:, :2].norm(dim=1)).mean()
    moved = POSE @ rigid_motion([0, 0, 3], [0, 0, 0])
    torch.testing.assert_close(evaluate.mtre(moved, POSE, LANDMARKS), expected)


def test_the_anatomy_moves_and_the_camera_is_the_reference():
    """One degree about the source carries a landmark by its distance from the source, not from the origin."""
    moved = POSE @ rigid_motion([1, 0, 0], [0, 0, 0])
    assert evaluate.mtre(moved, POSE, LANDMARKS).item() == pytest.approx(700 * 3.14159 / 180, rel=0.1)


def test_one_view_hardly_sees_depth():
    camera = Camera(1020, (1.5, 0.7), (300, 300))
    deeper = POSE @ rigid_motion([0, 0, 0], [0, 0, 5])
    sideways = POSE @ rigid_motion([0, 0, 0], [5, 0, 0])
    assert evaluate.mtre(deeper, POSE, LANDMARKS).item() == pytest.approx(5)
    assert evaluate.mpe(deeper, POSE, LANDMARKS, camera) < 1
    # sideways, the image moves by the shift times the magnification, in mm whatever the pixel spacing
    assert evaluate.mpe(sideways, POSE, LANDMARKS, camera).item() == pytest.approx(5 * 1020 / 700, rel=0.02)


CAMERA = Camera(1020, (1.0, 1.0), (300, 300))
ABOUT_THE_CENTRE = rigid_motion([0, 1, 0], [0, 0, 0])
MOVES = {
    "5 mm of depth": POSE @ rigid_motion([0, 0, 0], [0, 0, 5]),
    "1 degree about the optical axis": POSE @ rigid_motion([0, 0, 1], [0, 0, 0]),
    "1 degree about the source": POSE @ rigid_motion([1, 0, 0], [0, 0, 0]),
    "1 degree about the volume's centre": ABOUT_THE_CENTRE @ POSE,
}


def _errors(moved):
    return (
        evaluate.mtre(moved, POSE, LANDMARKS).item(),
        evaluate.mrpd(moved, POSE, LANDMARKS).item(),
        evaluate.diffpose_error(moved, POSE, LANDMARKS, CAMERA).item(),
    )


def test_each_error_is_blind_to_something():
    full, reprojection, diffpose = _errors(MOVES["5 mm of depth"])
    assert full == pytest.approx(5)
    assert reprojection < 0.6  # a landmark off the axis leaves its ray a little
    assert diffpose == pytest.approx(5, rel=0.03)
    full, reprojection, diffpose = _errors(MOVES["1 degree about the optical axis"])
    assert reprojection == pytest.approx(full, rel=0.01)
    assert diffpose < 1e-9  # the detector turns in its own plane, and the rays stay
    full, reprojection, diffpose = _errors(MOVES["1 degree about the source"])
    assert reprojection == pytest.approx(full, rel=0.01)
    assert diffpose < full / 5
    full, reprojection, diffpose = _errors(MOVES["1 degree about the volume's centre"])
    assert diffpose > 2.5 * full, "the detector is far from the volume and swings"


def test_reprojection_distance_is_the_distance_to_the_true_ray():
    """Worked by hand: the landmark on the optical axis, 700 mm away, seen by a camera 3 mm to the side."""
    moved = POSE @ rigid_motion([0, 0, 0], [3, 0, 0])
    assert evaluate.mrpd(moved, POSE, torch.zeros(1, 3)).item() == pytest.approx(3)
    assert evaluate.mpe(moved, POSE, torch.zeros(1, 3), CAMERA).item() == pytest.approx(3 * 1020 / 700)


def test_the_published_factor_is_the_pixel_spacing():
    moved = MOVES["1 degree about the volume's centre"]
    corrected = evaluate.diffpose_error(moved, POSE, LANDMARKS, CAMERA)
    published = evaluate.diffpose_error(moved, POSE, LANDMARKS, CAMERA, factor=0.194)
    torch.testing.assert_close(published, 0.194 * corrected)


def test_geodesics_are_diffdrr_s():
    moved = exp_se3(torch.tensor([0.1, -0.2, 0.05, 10, -20, 5])) @ POSE
    ours = evaluate.geodesic(moved, POSE, 1020)
    theirs = DoubleGeodesicSE3(1020)(to_diffdrr(moved), to_diffdrr(POSE))
    for mine, other in zip(ours[1:], theirs, strict=True):
        assert mine.item() == pytest.approx(other.item(), abs=0.05)
    assert ours.angle.item() == pytest.approx(ours.angular.item() / 510 * 180 / 3.14159265)


def test_the_translation_s_meaning_is_a_convention():
    """One degree about the isocentre, 700 mm from the source, detector at 1020 mm."""
    radians = torch.deg2rad(torch.tensor(1.0, dtype=torch.float64))
    moved = rigid_motion(POSE[:3, 0], [0, 0, 0]) @ POSE  # about the camera's x axis through the isocentre
    by = {name: evaluate.geodesic(moved, POSE, 1020, name).translational for name in ("diffdrr", "diffpose", "source")}
    chord = 2 * torch.sin(radians / 2)
    assert by["source"].item() == pytest.approx(700 * chord.item())
    assert by["diffpose"].item() == pytest.approx((700 - 510) * chord.item())
    assert by["diffdrr"].item() == pytest.approx(0, abs=1e-9)  # the isocentre stays where it was in the image
    with pytest.raises(ValueError, match="'diffdrr', 'diffpose', 'source'"):
        evaluate.geodesic(moved, POSE, 1020, "xvr")


def test_a_table_of_landmarks_and_a_batch_of_poses():
    table = pd.DataFrame(LANDMARKS.numpy(), columns=["x", "y", "z"]).assign(name="T7")
    estimates = exp_se3(0.05 * torch.randn(6, 6)) @ POSE
    errors = evaluate.mtre(estimates, POSE, table)
    assert errors.shape == (6,)
    torch.testing.assert_close(errors[2], evaluate.mtre(estimates[2], POSE, LANDMARKS))


REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "evaluator.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", REFERENCE["cases"])
def test_diffpose_s_evaluator_multiplies_mm_by_the_pixel_spacing(case):
    """What it published is this error times 0.194, to the last digits that it has."""
    sid, spacing, pixels = (REFERENCE[name] for name in ("sid", "pixel_spacing", "pixels"))
    arguments = {"sdr": sid / 2, "height": pixels, "delx": spacing, "reverse_x_axis": True}
    (camera, estimate), (_, truth) = (
        frames.from_diffpose(torch.tensor(case[name]), torch.eye(4), **arguments) for name in ("estimate", "truth")
    )
    landmarks = torch.tensor(case["landmarks"])
    corrected = evaluate.diffpose_error(estimate, truth, landmarks, camera).item()
    published = evaluate.diffpose_error(estimate, truth, landmarks, camera, factor=spacing).item()
    assert published == pytest.approx(case["published"], rel=1e-4)
    assert corrected == pytest.approx(case["published"] / 0.194, rel=1e-4)


ERRORS = np.array([0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.5, 3.0, 12.0, np.inf])


def test_rates_count_what_is_below_and_what_is_above():
    assert evaluate.success_rate(ERRORS).value == 0.5  # 1.0 is not below 1
    assert evaluate.success_rate(ERRORS, 2.0).value == 0.7
    assert evaluate.gross_failure_rate(ERRORS).value == 0.2
    assert evaluate.gross_failure_rate(ERRORS, 12.0).value == 0.1  # 12 is not above 12
    assert evaluate.median_error(ERRORS).value == pytest.approx(0.95)


@pytest.mark.parametrize("method", ["bootstrap", "wilson"])
def test_the_interval_of_a_rate_is_the_binomial_s(method):
    """70 of 100: the normal approximation is 0.7 ± 1.96 · 0.0458, and both methods come near it."""
    errors = np.repeat([0.5, 5.0], [70, 30])
    value, low, high = evaluate.success_rate(errors, method=method)
    assert value == 0.7
    assert low == pytest.approx(0.610, abs=0.012)
    assert high == pytest.approx(0.790, abs=0.012)
    wider = evaluate.success_rate(errors, method=method, level=0.99)
    assert wider.low < low < high < wider.high


def test_where_all_succeed_only_wilson_s_interval_has_a_width():
    """60 of 60, worked by hand: n / (n + z²)."""
    errors = np.full(60, 0.5)
    assert evaluate.success_rate(errors) == (1, 1, 1)
    low = evaluate.success_rate(errors, method="wilson").low
    assert low == pytest.approx(60 / (60 + 1.959964**2))
    assert evaluate.gross_failure_rate(errors, method="wilson").high == pytest.approx(1 - low)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Of an exponential distribution, whose median is ln 2 and whose share below 1 is 1 - 1/e."""
    draws = np.random.default_rng(3).exponential(size=(60, 80))
    medians = [evaluate.median_error(errors) for errors in draws]
    rates = [evaluate.success_rate(errors) for errors in draws]
    for intervals, truth in ((medians, np.log(2)), (rates, 1 - np.exp(-1))):
        held = np.mean([low <= truth <= high for _, low, high in intervals])
        assert 0.85 <= held < 1


def test_a_seed_makes_an_interval_again():
    errors = np.random.default_rng(1).exponential(size=50)
    assert evaluate.median_error(errors, seed=4) == evaluate.median_error(errors, seed=4)
    assert evaluate.median_error(errors, seed=4) != evaluate.median_error(errors, seed=5)


def test_a_registration_without_a_pose_is_as_far_off_as_can_be():
    few, many = np.repeat([0.5, np.inf], [40, 4]), np.repeat([0.5, np.inf], [12, 10])
    assert evaluate.median_error(few) == (0.5, 0.5, 0.5)
    assert evaluate.median_error(many) == (0.5, 0.5, np.inf)


def test_a_curve_is_the_rate_at_each_threshold():
    curve = evaluate.success_curve(ERRORS, [0.1, 0.5, 2.0, 20.0])
    assert curve.index.name == "threshold"
    for threshold, row in curve.iterrows():
        value, low, high = evaluate.success_rate(ERRORS, threshold)
        assert (row.value, row.low, row.high) == pytest.approx((value, low, high), abs=0.1)
        assert row.low <= row.value <= row.high
    assert curve.value.tolist() == [0, 0.2, 0.7, 0.9]
    alone = evaluate.success_curve(ERRORS, [0.1, 0.5, 2.0, 20.0], level=None)
    assert list(alone) == ["value"] and alone.value.equals(curve.value)


def test_success_by_start_counts_each_registration_once():
    starts = [1.0, 5.0, 9.9, 10.0, 15.0, 31.0]
    found = evaluate.success_by_start(starts, [0.1, 0.1, 9.0, 0.1, np.inf, 0.1], [0, 10, 20, 30, 40])
    assert found.start.tolist() == [5, 15, 35]  # nothing began between 20 and 30
    assert found.number.tolist() == [3, 2, 1]
    assert found.value.tolist() == pytest.approx([2 / 3, 1 / 2, 1])
    assert ((found.low < found.value) & (found.value <= found.high)).all()


def test_a_summary_has_a_row_for_each_method():
    table = pd.DataFrame({"method": ["b"] * 10 + ["a"] * 10, "mtre": [*ERRORS[:9], 20.0, *(0.1 * ERRORS[:9]), 0.3]})
    found = evaluate.summary(table.assign(seconds=[1.0] * 10 + [2.0] * 10))
    assert list(found.index) == ["b", "a"]
    assert found.loc["b", ["number", "success", "gross", "seconds"]].tolist() == [10, 0.5, 0.2, 1]
    assert found.loc["a", ["success", "gross", "seconds"]].tolist() == [0.9, 0, 2]
    assert found.loc["a", "gross_high"] > 0.2, "none of ten is not none"
    assert (found.median_low < found["median"]).all()
    assert found.loc["b", "p95"] == pytest.approx(np.quantile([*ERRORS[:9], 20.0], 0.95))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), r"shape \(0,\)"),
        (([[1.0]],), r"shape \(1, 1\)"),
        (([1.0, np.nan],), "1 of 2 errors are NaN.*give inf"),
        (([1.0],), "at least 2"),
    ],
)
def test_errors_that_are_none_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate.success_rate(*arguments)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="'exact': it can be 'bootstrap', 'wilson'"):
        evaluate.success_rate(ERRORS, method="exact")
    with pytest.raises(ValueError, match="3 starts and 2 errors"):
        evaluate.success_by_start([1, 2, 3], [1.0, 2.0], [0, 5])
    with pytest.raises(ValueError, match="ascend"):
        evaluate.success_by_start([1, 2], [1.0, 2.0], [0, 5, 5])
