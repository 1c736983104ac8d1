import pytest
import torch

from diffpose_nb.frames import carm_pose, invert, transform_points
from diffpose_nb.train import PoseRange
from diffpose_nb.train.poses import NAMES


def test_the_middle_is_the_nominal_pose(poses):
    torch.testing.assert_close(poses.nominal, carm_pose(20, 10, 700))
    torch.testing.assert_close(poses.pose(torch.zeros(6)), poses.nominal)


@pytest.mark.parametrize(("axis", "angles"), [(0, (25, 10)), (1, (20, 15))])
def test_the_first_two_are_positioner_angles(poses, axis, angles):
    torch.testing.assert_close(poses.pose(5 * torch.eye(6)[axis]), carm_pose(*angles, 700))


def test_the_others_move_the_patient_in_the_picture(poses):
    """The centre of the CT in camera coordinates: x and y the other way, depth further away; a roll leaves it."""
    moved = poses.pose(torch.diag(torch.tensor([0, 0, 5.0, 12.0, 7.0, 30.0])))
    seen = transform_points(invert(moved), torch.zeros(1, 3))[:, 0]
    expected = torch.tensor([[0, 0, 700], [-12, 0, 700], [0, -7, 700], [0, 0, 730]], dtype=torch.float64)
    torch.testing.assert_close(seen[2:], expected)
    x, y = moved[2, :3, 0], poses.nominal[:3, 1]
    assert (x @ y).item() > 0.08, "a positive roll turns x towards y"


def test_parameters_are_read_back(poses):
    drawn = poses.sample(50, seed=1)
    torch.testing.assert_close(poses.pose(poses.parameters(drawn)), drawn)


def test_samples_fill_the_range_and_no_more():
    poses = PoseRange(primary=170, view=(100, 0), roll=0)
    offsets = poses.parameters(poses.sample(2000, seed=2)) / poses.half.clamp(min=1)
    assert offsets.abs().max() <= 1 + 1e-9
    assert (offsets[:, [0, 1, 3, 4, 5]].abs().max(0).values > 0.99).all()
    assert offsets[:, [0, 1, 3, 4, 5]].mean(0).abs().max() < 0.06
    assert offsets[:, 2].abs().max() < 1e-6, "what has no range stays"


def test_samples_depend_on_the_seed_alone(poses):
    assert torch.equal(poses.sample(3, seed=5), poses.sample(3, seed=5))
    assert not torch.equal(poses.sample(3, seed=5), poses.sample(3, seed=6))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"primary": -1}, "primary is -1"),
        ({"shift": float("nan")}, "shift is nan"),
        ({"secondary": 60, "view": (0, 40)}, "within 90°"),
        ({"depth": 700}, "in front of the source"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        PoseRange(**wrong)


def test_names_are_the_six():
    assert len(NAMES) == len(PoseRange().half)
