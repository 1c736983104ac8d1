"""OpenCV: a pose is given by the rotation and translation from the world to the camera, or with K in one matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.linalg import rq
from torch import Tensor

from ...camera import Camera, as_float64, invert, make_transform, transform_points
from ...camera.rotations import roma


def from_opencv(rotation: np.ndarray | Tensor, translation: np.ndarray | Tensor) -> Tensor:
    """``world_from_camera`` (4, 4) of OpenCV's extrinsic parameters.

    - Axes: x right and y down in the picture, z forward. They equal our camera's axes if the picture is seen from the
      source. Right-handed.
    - Origin: the optical centre, here the X-ray source.
    - Maps: ``x_camera = rotation @ x_world + translation``, from the world to the camera.
    - Source: OpenCV, module calib3d, "Camera Calibration and 3D Reconstruction". Intrinsics: ``Camera.from_opencv``.

    Parameters
    ----------
    rotation
        Rotation vector ``rvec`` (3,), (3, 1) or (1, 3) of ``cv2.Rodrigues``, in radians, or rotation matrix R (3, 3).
    translation
        Translation vector ``tvec`` (3,), (3, 1) or (1, 3), in mm.
    """
    rotation, translation = as_float64(rotation), as_float64(translation).reshape(3)
    if rotation.shape != (3, 3):
        rotation = roma.rotvec_to_rotmat(rotation.reshape(3))
    return invert(make_transform(rotation, translation))


def to_opencv(world_from_camera: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """``rvec`` (3,), radians, and ``tvec`` (3,), mm, for ``cv2.projectPoints``; the inverse of :func:`from_opencv`.

    Use them with the K of ``Camera.to_opencv``. Its ``K[0, 0]`` is negative for an image seen from the detector.
    """
    camera_from_world = invert(as_float64(world_from_camera).detach())
    return roma.rotmat_to_rotvec(camera_from_world[:3, :3]).numpy(), camera_from_world[:3, 3].numpy()


def from_projection(
    matrix: np.ndarray | Tensor,
    size: tuple[int, int],
    sid: float,
    seen: Sequence[float] | Tensor = (0.0, 0.0, 0.0),
    world_from_points: Tensor | None = None,
) -> tuple[Camera, Tensor]:
    """The camera and the pose of a projection matrix P, such as a cone-beam CT or a calibration has for each frame.

    P takes a point to its pixel: ``(column, row, 1) ~ P @ (x, y, z, 1)``. P, −P and 2P mean the same pixels, so P alone
    does not say on which side of the source the patient is; a point that is seen does.

    - Pixels: (0, 0) is the centre of the first one. If the other program counts from its corner, subtract 0.5 from the
      principal point.
    - Source: Hartley and Zisserman, "Multiple View Geometry in Computer Vision", 2003, section 6.2.4.

    Parameters
    ----------
    matrix
        (3, 4) P, from mm to pixels.
    size
        (width, height) of the image, in pixels.
    sid
        Distance from the source to the detector, mm; P does not contain it. Its ratio to the pixel spacing is in P.
    seen
        (3,) a point of the patient, in the coordinates that P takes, mm. Default their origin.
    world_from_points
        (4, 4) from these coordinates to the world; it may be a reflection. For patient LPS it is the inverse of the
        subject's ``lps_from_world``. Default: P takes world coordinates.

    Returns
    -------
    tuple of Camera and Tensor
        The camera and ``world_from_camera`` (4, 4).

    Raises
    ------
    ValueError
        The matrix has another shape, or its left 3 x 3 part has no inverse; ``seen`` is beside the source; or the
        pixels are skewed, as those of no flat detector are.
    """
    p, seen = as_float64(matrix), as_float64(seen)
    if p.shape != (3, 4) or not torch.linalg.matrix_rank(p[:, :3]) == 3:
        raise ValueError(
            f"matrix is {tuple(p.shape)}: a projection matrix is (3, 4), and its first 3 columns have rank 3"
        )
    if world_from_points is not None:
        to_world = as_float64(world_from_points)
        p, seen = p @ torch.linalg.inv(to_world), transform_points(to_world, seen[None])[0]
    ahead = (p[2, :3] @ seen + p[2, 3]).item()
    if not abs(ahead) > 1e-9 * p[2].norm():
        raise ValueError(
            f"seen is {seen.tolist()} in the world: this point is beside the source, and not in front of it"
        )
    p = p * np.sign(ahead)
    k, rotation = (torch.from_numpy(part) for part in rq(p[:, :3].numpy()))
    signs = torch.diagonal(k).sign()
    signs[0] *= torch.linalg.det(signs[:, None] * rotation)  # a mirrored image has a negative K[0, 0]
    k, rotation = k * signs, signs[:, None] * rotation
    if abs(k[0, 1] / k[1, 1]) > 1e-4:
        raise ValueError(
            f"the pixels are skewed by {k[0, 1] / k[1, 1]:.4f}: a flat detector's rows and columns are not"
        )
    translation = torch.linalg.inv(k) @ p[:, 3]
    k = torch.triu(k / k[2, 2])
    k[0, 1] = 0.0
    return Camera.from_opencv(k, size, sid), from_opencv(rotation, translation)
