"""A projection matrix taken apart: the same pixels as the matrix gives, and OpenCV's own decomposition."""

import numpy as np
import pytest
import torch

from diffpose_nb import frames


def _matrix(view):
    """(3, 4) the projection of a view, and the size of its image."""
    camera, pose = view
    k, size = camera.to_opencv()
    return k @ torch.linalg.inv(pose).numpy()[:3], size


@pytest.mark.parametrize("factor", [1.0, -1.0, -0.0021, 350.0])
def test_it_gives_back_the_view_whatever_the_scale(view, letter, factor):
    camera, pose = view
    matrix, size = _matrix(view)
    found, at = frames.from_projection(factor * matrix, size, camera.sid, letter[0])
    torch.testing.assert_close(at, pose, atol=1e-6, rtol=0)
    assert (found.mirrored, found.shape) == (camera.mirrored, camera.shape)
    torch.testing.assert_close(found.K, camera.K, atol=1e-6, rtol=0)
    theirs = np.pad(letter.numpy(), ((0, 0), (0, 1)), constant_values=1) @ (factor * matrix).T
    torch.testing.assert_close(found.project(letter, at), torch.from_numpy(theirs[:, :2] / theirs[:, 2:]))


def test_opencv_takes_it_apart_in_the_same_way(view):
    cv2 = pytest.importorskip("cv2")
    matrix, size = _matrix(view)
    camera, pose = frames.from_projection(matrix, size, 1000.0)
    k, rotation, source = cv2.decomposeProjectionMatrix(matrix)[:3]
    np.testing.assert_allclose(pose[:3, 3], source[:3, 0] / source[3, 0], atol=1e-6)
    np.testing.assert_allclose(np.abs(camera.K.numpy()), np.abs(k / k[2, 2]), atol=1e-6)
    np.testing.assert_allclose(np.abs(pose[:3, :3].numpy().T), np.abs(rotation), atol=1e-9)


def test_points_in_the_scanners_coordinates(view, letter):
    """P takes LPS, whose axes x and y are turned against the world's; a reflection is undone as well."""
    for lps_from_world in (np.diag([-1.0, -1, 1, 1]), np.diag([-1.0, 1, 1, 1])):
        lps_from_world[:3, 3] = 12.0, -170.0, -803.5
        camera, pose = view
        matrix, size = _matrix(view)
        in_lps = matrix @ np.linalg.inv(lps_from_world)
        seen = frames.transform_points(torch.from_numpy(lps_from_world), letter)[2]
        to_world = torch.from_numpy(np.linalg.inv(lps_from_world))
        _, at = frames.from_projection(in_lps, size, camera.sid, seen, to_world)
        torch.testing.assert_close(at, pose, atol=1e-6, rtol=0)


def test_what_is_no_projection_of_a_flat_detector(view):
    matrix, size = _matrix(view)
    with pytest.raises(ValueError, match=r"matrix is \(3, 3\): a projection matrix is \(3, 4\)"):
        frames.from_projection(matrix[:, :3], size, 1000.0)
    with pytest.raises(ValueError, match="rank 3"):
        frames.from_projection(np.ones((3, 4)), size, 1000.0)
    skewed = np.array([[1.0, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) @ matrix
    with pytest.raises(ValueError, match="the pixels are skewed by"):
        frames.from_projection(skewed, size, 1000.0)
    source = view[1][:3, 3]
    with pytest.raises(ValueError, match="this point is beside the source"):
        frames.from_projection(matrix, size, 1000.0, source)
