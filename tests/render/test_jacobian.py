import numpy as np
import pytest
import torch

from diffpose_nb.camera import Camera, adjoint, camera_axes, change_axes
from diffpose_nb.frames import carm_pose, exp_se3, invert
from diffpose_nb.render import Volume, cramer_rao, fisher_information, pose_jacobian

CAMERA = Camera(1020, (30, 25), (8, 9))
POSE = carm_pose(20, 10, 700)
SKEWED = np.array([[2.0, 0.1, 0, -39], [0, -2.5, 0.2, 43], [0, 0, 3, -44], [0, 0, 0, 1]])
UNITS = torch.tensor([1e-2] * 3 + [1.0] * 3, dtype=torch.float64)


@pytest.fixture(scope="module")
def blob():
    """Smooth, without symmetry, on oblique voxels, zero at its border."""
    grid = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, n) for n in (40, 36, 30)], indexing="ij")).double()
    values = (1 - grid.square().sum(0)).clamp(min=0) ** 3 * torch.exp(grid[0] + 0.5 * grid[1])
    return Volume(values.numpy(), SKEWED).pack()


def differences(volume, move, step=1e-2):
    """Central differences of the image under ``move(twist)``, a twist in radians and mm: (6, rows, columns)."""
    six = []
    for twist in torch.diag(step * UNITS):
        ahead, behind = (pose_jacobian(volume, CAMERA, move(sign * twist), 0.2)[0] for sign in (1, -1))
        six.append((ahead - behind) / (2 * twist.sum()))
    return torch.stack(six)


def assert_each_close(six, expected, tolerance):
    for n, (ours, reference) in enumerate(zip(six, expected, strict=True)):
        assert (ours - reference).norm() < tolerance * reference.norm(), f"component {n}"


def test_it_is_the_derivative_in_a_twist_from_the_left(blob):
    jacobian = pose_jacobian(blob, CAMERA, POSE, 0.2)[1]
    assert_each_close(jacobian, differences(blob, lambda twist: exp_se3(twist) @ POSE), 0.01)


def test_coarse_steps_are_as_good_in_depth_as_across(blob):
    """The part along the ray is known to be zero; left in, its error is most of what depth has."""
    axes = camera_axes(POSE)
    coarse, fine = (change_axes(pose_jacobian(blob, CAMERA, POSE, step)[1], axes) for step in (2.0, 0.1))
    assert_each_close(coarse, fine, 0.05)


def test_a_ray_that_moves_along_itself_changes_nothing(blob):
    six = change_axes(pose_jacobian(blob, CAMERA, POSE)[1], POSE)
    rays = CAMERA.detector_points().T.reshape(3, *CAMERA.shape)
    along = (six[3:] * rays).sum(0)
    spinning = (six[:3] * rays).sum(0)  # about a ray through the source
    for nothing, parts in ((along, six[3:]), (spinning, six[:3])):
        assert nothing.abs().max() < 1e-6 * (parts * rays).abs().max()


@pytest.mark.parametrize("centre", [(0, 0, 0), (30, -20, 50)])
def test_camera_axes_about_a_point(blob, centre):
    axes = camera_axes(POSE, centre)
    six = change_axes(pose_jacobian(blob, CAMERA, POSE, 0.2)[1], axes)
    assert_each_close(six, differences(blob, lambda twist: axes @ exp_se3(twist) @ invert(axes) @ POSE), 0.01)


def test_the_pose_itself_gives_the_twist_from_the_right(blob):
    six = change_axes(pose_jacobian(blob, CAMERA, POSE, 0.2)[1], POSE)
    assert_each_close(six, differences(blob, lambda twist: POSE @ exp_se3(twist)), 0.01)


def test_signs_of_x_y_and_depth(blob):
    """A camera that goes right (down, forward) sees the shadow go left (up), in a mirrored image right, and grow."""
    pose = carm_pose(0, 0, 700)
    camera = Camera(1020, (4, 4), (64, 64))
    image, six = pose_jacobian(blob, camera, pose)
    right, down, depth = change_axes(six, camera_axes(pose))[3:]
    row, column = (
        axis - (axis * image).sum() / image.sum()
        for axis in torch.meshgrid(*2 * [torch.arange(64.0, dtype=torch.float64)], indexing="ij")
    )
    assert (right * column).sum() > 0
    assert (down * row).sum() < 0
    assert (depth * (row**2 + column**2)).sum() > 0


def test_adjoint_carries_a_motion_to_other_axes():
    twist = torch.tensor([0.2, -0.1, 0.3, 5, -7, 11], dtype=torch.float64)
    torch.testing.assert_close(exp_se3(adjoint(POSE) @ twist), POSE @ exp_se3(twist) @ invert(POSE))
    other = carm_pose(-70, 30, 600, isocenter=(10, 20, 30))
    torch.testing.assert_close(adjoint(POSE @ other), adjoint(POSE) @ adjoint(other))


@pytest.fixture
def columns(rng):
    """Six derivative images of 20 x 30 pixels, with the units of a pose, and a noise that varies."""
    six = torch.randn(6, 20, 30, generator=rng, dtype=torch.float64) / UNITS[:, None, None]
    return six, 0.5 + torch.rand(20, 30, generator=rng, dtype=torch.float64)


def test_bound_is_the_scatter_of_least_squares(columns, rng):
    """With contrast and brightness fitted too, and some pixels unused."""
    six, sigma = columns
    sigma = sigma.clone()
    sigma[:5] = torch.inf
    nuisance = torch.stack([torch.randn(20, 30, generator=rng, dtype=torch.float64), torch.ones(20, 30).double()])
    deviations, correlation = cramer_rao(fisher_information(six, sigma, nuisance))

    used = torch.isfinite(sigma)
    design = (torch.cat([six, nuisance]) / sigma)[:, used].T
    noise = torch.randn(used.sum(), 4000, generator=rng, dtype=torch.float64)
    fits = torch.linalg.lstsq(design, noise).solution[:6]
    torch.testing.assert_close(fits.std(1) / deviations, torch.ones(6).double(), rtol=0, atol=0.06)
    torch.testing.assert_close(torch.corrcoef(fits), correlation, rtol=0, atol=0.06)


def test_information_adds_and_unknowns_cost(columns, rng):
    six, sigma = columns
    alone = fisher_information(six, sigma)
    halves = fisher_information(six[:, :8], sigma[:8]) + fisher_information(six[:, 8:], sigma[8:])
    torch.testing.assert_close(alone, halves)
    copy = six[5:] + 0.2 * torch.randn(1, 20, 30, generator=rng, dtype=torch.float64)  # looks much like depth
    with_copy = fisher_information(six, sigma, copy)
    assert cramer_rao(with_copy)[0][5] > 3 * cramer_rao(alone)[0][5]


def test_a_motion_that_changes_nothing_is_refused(columns):
    six, sigma = columns
    six[3] = 2 * six[1]
    with pytest.raises(ValueError, match="changes no pixel"):
        cramer_rao(fisher_information(six, sigma))
