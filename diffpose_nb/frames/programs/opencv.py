"""OpenCV: a pose is given by the rotation and translation from the world to the camera."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ...camera import as_float64, invert, make_transform
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
