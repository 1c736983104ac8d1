import pytest
import roma
import torch
from diffdrr.data import read
from diffdrr.drr import DRR
from diffdrr.pose import convert
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

from diffpose_nb import frames

angles = st.floats(-180, 180)
lengths = st.floats(-200, 200)
twists = st.lists(st.floats(-1, 1), min_size=6, max_size=6)


def test_at_zero_the_tube_is_behind_the_patient_and_the_detector_in_front():
    pose = frames.carm_pose(0, 0, 700)
    source, forward = pose[:3, 3], pose[:3, 2]
    torch.testing.assert_close(source, torch.tensor([0.0, -700.0, 0.0], dtype=torch.float64))  # RAS: -y is posterior
    torch.testing.assert_close(forward, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))


@pytest.mark.parametrize(
    ("primary", "secondary", "detector_side"),
    [(90, 0, [-1, 0, 0]), (-90, 0, [1, 0, 0]), (0, 90, [0, 0, 1]), (0, -90, [0, 0, -1]), (180, 0, [0, -1, 0])],
    ids=["LAO: patient's left", "RAO: right", "CRA: head", "CAU: feet", "under: back"],
)
def test_the_detector_is_where_the_standard_says(primary, secondary, detector_side):
    forward = frames.carm_pose(primary, secondary, 700)[:3, 2]
    torch.testing.assert_close(forward, torch.tensor(detector_side, dtype=torch.float64), atol=1e-12, rtol=0)


@given(angles, angles, st.floats(100, 2000), st.tuples(lengths, lengths, lengths))
def test_a_pose_is_proper_and_looks_through_the_isocentre(primary, secondary, sod, isocenter):
    pose = frames.carm_pose(primary, secondary, sod, isocenter)
    rotation = pose[:3, :3]
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3, dtype=torch.float64), atol=1e-12, rtol=0)
    assert rotation.det().item() == pytest.approx(1)
    seen = frames.transform_points(frames.invert(pose), torch.tensor([isocenter], dtype=torch.float64))
    torch.testing.assert_close(seen, torch.tensor([[0.0, 0.0, sod]], dtype=torch.float64), atol=1e-9, rtol=0)


def test_poses_are_batched_and_differentiable():
    primary = torch.tensor([0.0, 30.0, -45.0], dtype=torch.float64, requires_grad=True)
    poses = frames.carm_pose(primary, 10, 700)
    assert poses.shape == (3, 4, 4)
    torch.testing.assert_close(poses[1].detach(), frames.carm_pose(30, 10, 700))
    assert torch.autograd.gradcheck(lambda a: frames.carm_pose(a, 10.0, 700.0), (primary,))


@given(twists)
def test_exp_se3_is_the_matrix_exponential(twist):
    (x, y, z), t = twist[:3], twist[3:]
    generator = [[0, -z, y, t[0]], [z, 0, -x, t[1]], [-y, x, 0, t[2]], [0, 0, 0, 0]]
    torch.testing.assert_close(
        frames.exp_se3(torch.tensor(twist)), torch.from_numpy(expm(generator)), atol=1e-6, rtol=0
    )


def test_exp_se3_turns_as_scipy_does():
    twist = torch.tensor([0.1, -0.4, 0.2, 0, 0, 0], dtype=torch.float64)
    expected = torch.from_numpy(Rotation.from_rotvec(twist[:3].numpy()).as_matrix())
    torch.testing.assert_close(frames.exp_se3(twist)[:3, :3], expected)


def test_a_rigid_motion_turns_about_its_centre_then_shifts():
    centre = torch.tensor([10.0, -20.0, 30.0], dtype=torch.float64)
    motion = frames.rigid_motion([0, 0, 90], [1, 2, 3], centre)
    points = torch.stack([centre, centre + torch.tensor([5.0, 0, 0])])
    moved = frames.transform_points(motion, points)
    torch.testing.assert_close(moved[0], centre + torch.tensor([1.0, 2, 3]))
    torch.testing.assert_close(moved[1], centre + torch.tensor([1.0, 7, 3]))


def test_invert():
    transform = frames.rigid_motion([20, -30, 40], [1, 2, 3])
    torch.testing.assert_close(frames.invert(transform) @ transform, torch.eye(4, dtype=torch.float64))


def _phantom(orientation):
    import torchio

    image = torchio.ScalarImage(tensor=torch.rand(1, 4, 5, 6) * 1000, affine=torch.eye(4).numpy())
    return read(image, orientation=orientation)


@pytest.mark.parametrize("orientation", [None, "AP", "PA"])
def test_diffdrr_puts_source_and_detector_where_we_do(orientation):
    """Asked of DiffDRR's own detector, whatever it was told about orientation."""
    pose = frames.carm_pose(30, -20, 700, (5, -6, 7))
    drr = DRR(_phantom(orientation), sdd=1000, height=4, width=6, delx=2.0, dely=3.0, reverse_x_axis=False)
    source, target = drr.detector(frames.to_diffdrr(pose[None], orientation), None)
    torch.testing.assert_close(source[0, 0], pose[:3, 3].float())
    # the first pixel, seen from the detector with the patient facing it: left and up
    right, down, forward = -pose[:3, 0], pose[:3, 1], pose[:3, 2]
    corner = pose[:3, 3] + 1000 * forward - 2.5 * 2 * right - 1.5 * 3 * down
    torch.testing.assert_close(target[0, 0], corner.float(), atol=1e-3, rtol=0)


@pytest.mark.parametrize("orientation", [None, "AP", "PA"])
def test_diffdrr_round_trip(orientation):
    poses = frames.make_transform(roma.random_rotmat(5, dtype=torch.float64), 100 * torch.randn(5, 3))
    there = frames.to_diffdrr(poses, orientation)
    torch.testing.assert_close(frames.from_diffdrr(there, orientation), poses, atol=1e-4, rtol=0)


def test_diffdrr_poses_carry_gradients():
    primary = torch.tensor(10.0, dtype=torch.float64, requires_grad=True)
    frames.to_diffdrr(frames.carm_pose(primary, 0, 700)).matrix.sum().backward()
    assert primary.grad.abs() > 0


def test_the_dicom_angles_in_diffdrr_s_own_words():
    """Euler ZXY with orientation PA is the same view; the pose is then a reflection, so DiffDRR flips the picture."""
    theirs = convert(
        torch.tensor([[30.0, 20.0, 0.0]]),
        torch.tensor([[0.0, -700.0, 0.0]]),
        parameterization="euler_angles",
        convention="ZXY",
        degrees=True,
    )
    ours = frames.from_diffdrr(theirs, "PA")[0] @ torch.diag(torch.tensor([-1.0, 1, 1, 1], dtype=torch.float64))
    torch.testing.assert_close(ours, frames.carm_pose(30, 20, 700), atol=1e-3, rtol=0)


def test_an_unknown_orientation_is_refused():
    with pytest.raises(ValueError, match=r"'LAT'.*'AP' and 'PA'"):
        frames.to_diffdrr(torch.eye(4), "LAT")
