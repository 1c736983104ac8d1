"""DeepDRR: a pose is given by a mobile C-arm's angles about an isocentre."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...camera import as_float64, make_transform
from ...camera.rotations import roma

SOURCE_TO_ISOCENTER = 530.0
"""DeepDRR's default ``source_to_isocenter_vertical_distance``, mm (that of a Siemens Cios Fusion, DeepDRR says)."""


class DeepDRRPose(NamedTuple):
    """The arguments of ``deepdrr.MobileCArm`` that define its pose, with DeepDRR's defaults.

    - Axes: the device's axes, right-handed. With all angles 0 the beam runs along the device's +z. The camera has x
      right and y down in the picture and z forward, as ours has, and the picture is seen from the source.
    - Origin: the device's origin. The angles turn the arm about ``isocenter``, which is the arm's origin.
    - Maps: device = isocenter + Ry(beta) Rx(alpha) arm. The camera's axes are the arm's, turned by Rz(-90° - gamma), or
      by Rz(-gamma) without ``rotate_camera_left``. In arm coordinates the source is at (0, horizontal offset,
      -vertical distance).
    - Source: DeepDRR 1.2.2, ``device/mobile_carm.py``. DeepDRR clips alpha to -40…110° and beta to ±225°.

    Angles are in degrees, lengths in mm.
    """

    alpha: float
    beta: float
    gamma: float = 0.0
    isocenter: tuple[float, float, float] = (0.0, 0.0, 0.0)
    source_to_isocenter_vertical_distance: float = SOURCE_TO_ISOCENTER
    source_to_isocenter_horizontal_offset: float = 0.0
    rotate_camera_left: bool = True


def from_deepdrr(pose: DeepDRRPose, world_from_device: Tensor) -> Tensor:
    """``world_from_camera`` (4, 4) of a ``MobileCArm``, see :class:`DeepDRRPose`.

    The C-arm's camera is ``Camera(source_to_detector_distance, (pixel_size, pixel_size), (sensor_height, sensor_width),
    mirrored=False)``. Its default principal point is right: DeepDRR counts pixels from their edges, and its principal
    point is the middle of the sensor.

    Parameters
    ----------
    pose
        The angles, the isocentre and the distances of the C-arm.
    world_from_device
        (4, 4) rigid transform from the device's frame to our world. DeepDRR's own world depends on where the user puts
        the volume: ``world_from_anatomical`` of the volume and ``world_from_device`` of the C-arm contain this.
    """
    arm = roma.euler_to_rotmat("YX", as_float64([pose.beta, pose.alpha]), degrees=True)
    in_plane = roma.euler_to_rotmat("Z", as_float64([_left(pose.rotate_camera_left) - pose.gamma]), degrees=True)
    source = as_float64([0.0, pose.source_to_isocenter_horizontal_offset, -pose.source_to_isocenter_vertical_distance])
    device_from_camera = make_transform(arm @ in_plane, as_float64(pose.isocenter) + arm @ source)
    return as_float64(world_from_device) @ device_from_camera


def to_deepdrr(
    world_from_camera: Tensor,
    world_from_device: Tensor,
    source_to_isocenter: float = SOURCE_TO_ISOCENTER,
) -> DeepDRRPose:
    """The angles and the isocentre that give a ``MobileCArm`` this pose; the inverse of :func:`from_deepdrr`.

    Parameters
    ----------
    world_from_camera
        (4, 4) pose of the camera.
    world_from_device
        (4, 4) transform from the device's frame to our world.
    source_to_isocenter
        Distance from the source along the beam to the isocentre, mm. It can be chosen, because any point on the beam
        can be the isocentre.
    """
    device_from_camera = torch.linalg.solve(as_float64(world_from_device), as_float64(world_from_camera).detach())
    rotation, source = device_from_camera[:3, :3], device_from_camera[:3, 3]
    beta, alpha, in_plane = roma.rotmat_to_euler("YXZ", rotation, degrees=True).tolist()
    isocenter = tuple((source + source_to_isocenter * rotation[:, 2]).tolist())
    return DeepDRRPose(alpha, beta, (_left(True) - in_plane + 180) % 360 - 180, isocenter, source_to_isocenter)


def _left(rotate_camera_left: bool) -> float:
    return -90.0 if rotate_camera_left else 0.0
