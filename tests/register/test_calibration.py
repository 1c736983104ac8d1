"""Derivatives in SID and principal point."""

import numpy as np
import pytest
import torch

from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose
from diffpose_nb.register import adjusted, detector_derivatives
from diffpose_nb.render import Volume, pose_jacobian


@pytest.fixture(scope="module")
def volume():
    """A lopsided cloud, in float64 so that differences are worth something."""
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 40)] * 3, indexing="ij"))
    cloud = np.exp(-((grid[0] - 0.2) ** 2 + 2 * (grid[1] + 0.1) ** 2 + 3 * grid[2] ** 2) / 0.1)
    world_from_voxel = np.diag([4.0, 4.0, 4.0, 1.0])
    world_from_voxel[:3, 3] = -78
    return Volume(cloud, world_from_voxel).pack()


@pytest.mark.parametrize("mirrored", [True, False])
def test_derivatives_against_differences(volume, mirrored):
    camera = Camera(1000, (9.0, 8.0), (20, 24), (11.0, 9.0), mirrored=mirrored)
    pose = carm_pose(25, -10, 700, isocenter=(5, -8, 3))
    step = 0.2
    _, jacobian = pose_jacobian(volume, camera, pose, step)
    found = detector_derivatives(jacobian, camera, pose)
    for k in range(3):
        shift = torch.zeros(3, dtype=torch.float64)
        shift[k] = 0.5
        ahead, behind = (pose_jacobian(volume, adjusted(camera, way * shift), pose, step)[0] for way in (1, -1))
        torch.testing.assert_close(found[k], ahead - behind, atol=5e-3 * found[k].abs().max().item(), rtol=0)


def test_a_correction_is_in_mm_at_the_detector():
    camera = adjusted(Camera(1000, (0.5, 0.25), (100, 200)), torch.tensor([7.0, 2.0, -3.0]))
    assert camera.sid == 1007
    assert camera.principal_point == pytest.approx((99.5 + 8, 49.5 - 6))


def test_on_the_axis_a_shift_of_the_principal_point_is_a_turn_about_the_source(volume):
    """Where calibration is weak: one pixel cannot tell the two apart."""
    camera = Camera(1000, (1.0, 1.0), (3, 3))
    pose = carm_pose(0, 0, 700)
    _, jacobian = pose_jacobian(volume, camera, pose, 0.2)
    source, y = pose[:3, 3], pose[:3, 1]
    about_source = torch.einsum(
        "d,drc->rc",
        y,
        jacobian[:3] - torch.linalg.cross(source.expand(9, 3), jacobian[3:].reshape(3, -1).mT).mT.reshape(3, 3, 3),
    )
    shifted = detector_derivatives(jacobian, camera, pose)[1]
    torch.testing.assert_close(shifted[1, 1], about_source[1, 1] / camera.sid)
