import pandas as pd
import pytest
import torch

from diffpose_nb import evaluate
from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, exp_se3, invert, rigid_motion

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


def test_a_table_of_landmarks_and_a_batch_of_poses():
    table = pd.DataFrame(LANDMARKS.numpy(), columns=["x", "y", "z"]).assign(name="T7")
    estimates = exp_se3(0.05 * torch.randn(6, 6)) @ POSE
    errors = evaluate.mtre(estimates, POSE, table)
    assert errors.shape == (6,)
    torch.testing.assert_close(errors[2], evaluate.mtre(estimates[2], POSE, LANDMARKS))
