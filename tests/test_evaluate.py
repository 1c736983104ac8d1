import pandas as pd
import pytest
import torch
from diffdrr.metrics import DoubleGeodesicSE3

from diffpose_nb import evaluate
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
