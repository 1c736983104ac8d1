import numpy as np
import pytest
import torch

from diffpose_nb.camera import (
    Camera,
    carm_pose,
    epipolar_distances,
    fundamental_matrix,
    invert,
    rigid_motion,
    triangulate,
)


@pytest.fixture
def views():
    """Two cameras that differ in everything, one of them mirrored."""
    cameras = (
        Camera(1020, (0.4, 0.5), (300, 400), principal_point=(180.5, 160.0)),
        Camera(1200, (0.3, 0.3), (512, 512), mirrored=False),
    )
    motion = rigid_motion([10.0, -5.0, 7.0], [30.0, 4.0, -12.0])
    return cameras, torch.stack([carm_pose(5, 10, 700), motion @ carm_pose(80, -10, 800)])


@pytest.fixture
def points():
    return 80 * torch.rand(12, 3, generator=torch.Generator().manual_seed(0)).double() - 40


@pytest.fixture
def pixels(views, points):
    return tuple(camera.project(points, pose) for camera, pose in zip(*views, strict=True))


def test_a_point_lies_on_its_epipolar_line(views, pixels):
    distances = epipolar_distances(*pixels, fundamental_matrix(*views))
    assert distances.diagonal().abs().max() < 1e-8
    assert (distances + 100 * torch.eye(12)).abs().min() > 0.01, "and on that of no other"


def test_distances_are_those_of_a_shifted_pixel(views, pixels):
    """A pixel that is moved at right angles to its line by 3 lies 3 away from it."""
    matrix = fundamental_matrix(*views)
    lines = torch.nn.functional.pad(pixels[0], (0, 1), value=1.0) @ matrix.mT
    normals = torch.nn.functional.normalize(lines[:, :2], dim=1)
    moved = epipolar_distances(pixels[0], pixels[1] + 3 * normals, matrix)
    torch.testing.assert_close(moved.diagonal(), torch.full((12,), 3.0).double())


def test_opencv_agrees(views, points, pixels):
    cv2 = pytest.importorskip("cv2")
    matrix = fundamental_matrix(*views).numpy()
    lines = cv2.computeCorrespondEpilines(pixels[0].numpy()[:, None], 1, matrix)[:, 0]
    ours = torch.nn.functional.pad(pixels[0], (0, 1), value=1.0).numpy() @ matrix.T
    ours = ours / np.linalg.norm(ours[:, :2], axis=1, keepdims=True)
    sign = np.sign((ours * lines).sum(1, keepdims=True))
    np.testing.assert_allclose(sign * lines, ours, rtol=1e-6, atol=1e-6)

    matrices = [camera.K @ invert(pose)[:3] for camera, pose in zip(*views, strict=True)]
    homogeneous = cv2.triangulatePoints(*(m.numpy() for m in matrices), *(p.numpy().T for p in pixels))
    found, _ = triangulate(*views, pixels)
    np.testing.assert_allclose((homogeneous[:3] / homogeneous[3]).T, found.numpy(), atol=1e-6)


def test_two_rays_meet_in_the_point(views, points, pixels):
    found, gap = triangulate(*views, pixels)
    torch.testing.assert_close(found, points, atol=1e-8, rtol=0)
    assert gap.max() < 1e-8


def test_the_gap_is_the_distance_of_the_rays():
    """Two sources look along x and y; their rays pass the origin 4 mm apart in z."""
    camera = Camera(1000, (1.0, 1.0), (201, 201), mirrored=False)
    along_x = torch.tensor([[0.0, 0, 1, -500], [1, 0, 0, 0], [0, 1, 0, 2], [0, 0, 0, 1]]).double()
    along_y = torch.tensor([[-1.0, 0, 0, 0], [0, 0, 1, -500], [0, 1, 0, -2], [0, 0, 0, 1]]).double()
    middle = torch.tensor([[100.0, 100.0]])
    found, gap = triangulate((camera, camera), (along_x, along_y), (middle, middle))
    torch.testing.assert_close(found, torch.zeros(1, 3).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(gap, torch.tensor([4.0]).double())
