import pytest
import torch

from diffpose_nb import ct
from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, invert, transform_points
from diffpose_nb.train import PoseRange, label_centres
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
        ({"shift": (10, -1)}, r"shift is \(10.0, -1.0\)"),
        ({"shift": (1, 2, 3)}, "it is one number of mm, or two"),
        ({"isocenter": (1, 2)}, "isocenter is"),
        ({"isocenter": ()}, "isocenter is"),
        ({"isocenter": [(0, 0, float("nan"))]}, "isocenter is"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        PoseRange(**wrong)


SPINE = ((10.0, -70.0, -60.0), (10.0, -70.0, 0.0), (25.0, -50.0, 15.0))
"""A line with a corner, the first part of which is longer than the second."""


@pytest.mark.parametrize("isocenter", [(5.0, -60.0, -90.0), SPINE])
def test_parameters_are_read_back_at_any_isocentre(isocenter):
    poses = PoseRange(view=(20, 10), isocenter=isocenter)
    drawn = poses.sample(50, seed=1)
    torch.testing.assert_close(poses.pose(poses.parameters(drawn)), drawn)
    torch.testing.assert_close(poses.parameters(poses.nominal), torch.zeros(6).double(), atol=1e-9, rtol=0)
    points = poses.sample_isocenters(50, torch.Generator().manual_seed(3))
    torch.testing.assert_close(poses.pose(poses.parameters(drawn, points), points), drawn)


def test_the_isocentre_is_what_the_arm_is_aimed_at():
    """It projects to the principal point, at the SOD, whatever the angles and the roll; x and y then move it."""
    isocenter = torch.tensor([[5.0, -60.0, -90.0]])
    poses = PoseRange(view=(20, 10), isocenter=isocenter[0].tolist())
    camera = Camera(1020.0, (1.0, 1.0), (301, 201))
    turned = poses.pose(torch.tensor([[0, 0, 0, 0, 0, 0], [25, -12, 8, 0, 0, 0.0]]))
    seen = camera.project(isocenter, turned)
    torch.testing.assert_close(seen, torch.tensor([100.0, 150.0]).double().expand(2, 1, 2), atol=1e-6, rtol=0)
    torch.testing.assert_close((turned[:, :3, 3] - isocenter).norm(dim=-1), torch.tensor([700.0, 700.0]).double())
    moved = camera.project(isocenter, poses.pose(torch.tensor([0, 0, 0, 12.0, 7.0, 0])))[0]
    by = 1020 / 700 * torch.tensor([12.0, -7.0]).double()  # the image is mirrored: x points to smaller columns
    torch.testing.assert_close(moved, torch.tensor([100.0, 150.0]).double() + by, atol=1e-6, rtol=0)
    assert (camera.project(torch.zeros(1, 3), turned) - 150).abs().max() > 50, "and not the world's origin"


def test_several_isocentres_make_a_line_that_is_drawn_from_evenly():
    poses = PoseRange(isocenter=SPINE)
    points = poses.sample_isocenters(4000, torch.Generator().manual_seed(0))
    first, second = 60.0, (15**2 + 20**2 + 15**2) ** 0.5
    along = torch.where(points[:, 0] > 10, first + second * (points[:, 0] - 10) / 15, points[:, 2] + 60) / (
        first + second
    )
    assert abs(along.mean() - 0.5) < 0.02 and abs(along.std() - 12**-0.5) < 0.01
    start, end = torch.tensor(SPINE[1]).double(), torch.tensor(SPINE[2]).double()
    share = ((points - start) @ (end - start) / second**2).clamp(0, 1)[:, None]
    beside = torch.where(
        points[:, :1] > 10, points - start - share * (end - start), (points - start) * torch.tensor([1, 1, 0])
    )
    assert beside.abs().max() < 1e-9
    torch.testing.assert_close(poses.centre, torch.tensor([10.0, -70.0, (first + second) / 2 - 60]).double())


def test_the_isocentre_of_a_pose_is_found_again():
    """Of a pose that is aimed at it; a shift moves it along the line by as much, and never off the line."""
    poses = PoseRange(isocenter=SPINE, shift=(20, 0))
    points = poses.sample_isocenters(40, torch.Generator().manual_seed(1))
    offsets = torch.zeros(40, 6).double()
    torch.testing.assert_close(poses.isocenter_of(poses.pose(offsets, points)), points, atol=1e-6, rtol=0)
    found = poses.isocenter_of(poses.pose(torch.tensor([0, 0, 0, 0, 20.0, 0]), torch.tensor(SPINE[0]).double()))
    assert found.tolist() == pytest.approx([10, -70, -60]), "y points to the feet, where the line ends"
    found = poses.isocenter_of(poses.pose(torch.tensor([0, 0, 0, 0, -20.0, 0]), torch.tensor(SPINE[0]).double()))
    assert found.tolist() == pytest.approx([10, -70, -40])
    single = PoseRange(isocenter=SPINE[0])
    assert single.isocenter_of(single.sample(3)).tolist() == [list(SPINE[0])] * 3


def test_shifts_differ_by_axis():
    poses = PoseRange(shift=(25, 10), isocenter=SPINE[0])
    offsets = poses.parameters(poses.sample(2000, seed=4))[:, 3:5].abs().amax(0)
    assert offsets.tolist() == pytest.approx([25, 10], rel=0.02)
    assert PoseRange(shift=30).half.tolist() == PoseRange(shift=(30, 30)).half.tolist()


def test_half_a_range_counts_the_line_of_isocentres():
    """Frontal: z is along the columns, y is depth."""
    half = PoseRange(isocenter=[(0, 0, -40), (0, 0, 40)]).half
    torch.testing.assert_close(half, torch.tensor([30.0, 20, 10, 50, 90, 80]).double())
    poses = PoseRange(isocenter=SPINE, view=(30, 0))
    offsets = poses.parameters(poses.sample(2000, seed=2)).abs()
    assert (offsets[:, 3:] <= 1.3 * poses.half[3:]).all() and (offsets[:, 4].max() > 0.9 * poses.half[4])


def test_labels_give_isocentres(example):
    landmarks = ct.landmarks(example).set_index("name")
    names = ["vertebrae_T10", "vertebrae_T9", "vertebrae_T8"]
    centres = label_centres(example, names)
    torch.testing.assert_close(torch.tensor(centres), torch.tensor(landmarks.loc[names].to_numpy()).float())
    poses = PoseRange(isocenter=label_centres(example, "vertebrae_T9"))
    assert poses.isocenter == centres[1]
    assert PoseRange(isocenter=centres).isocenter == centres
    heart, liver, by_number = label_centres(example, ["heart", "liver", 35])
    assert heart[0] < liver[0] and by_number == centres[1], "x points to the right"
    with pytest.raises(ValueError, match="'vertebrae_X' is not in the label map"):
        label_centres(example, "vertebrae_X")


def test_names_are_the_six():
    assert len(NAMES) == len(PoseRange().half)
