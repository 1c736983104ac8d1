import own_patient
import pytest
import torch

from diffpose_nb.camera import Camera, carm_pose, rigid_motion


@pytest.fixture(scope="session")
def patient():
    return own_patient.subject()


@pytest.fixture(params=[True, False], ids=["mirrored", "from the source"])
def view(request):
    """A camera that is not square and off its middle, and a pose that no C-arm's angles give."""
    camera = Camera(1010.0, (0.7, 0.9), (96, 80), (44.2, 40.7), mirrored=request.param)
    return camera, rigid_motion([3.0, -7.0, 11.0], [4.0, -9.0, 2.0]) @ carm_pose(25.0, -10.0, 690.0)


@pytest.fixture
def points():
    """(4, 3) world mm."""
    return own_patient.POINTS


def same_pixels(first, second, points, tolerance=1e-3):
    """Two views project landmarks to the same pixels."""
    (camera, pose), (other, other_pose) = first, second
    apart = (camera.project(points, pose) - other.project(points, other_pose)).abs().max()
    assert torch.isfinite(apart) and apart < tolerance, apart
