"""DiffDRR 0.3.9 and DiffPose: a camera at (f/2, 0, 0) that looks along -x, moved in the volume's millimetres."""

from __future__ import annotations

import math
from collections.abc import Sequence

import roma
import torch
from torch import Tensor

from ...camera import Camera, as_float64, make_transform, transform_points
from ..positions import Positions, from_positions, to_positions


def diffpose_volume(shape: Sequence[int], world_from_array: Tensor) -> Tensor:
    """The frame in which DiffDRR 0.3.9 traces: ``world_from_volume`` (4, 4), a reflection unless the array is one.

    - Axes: the array's, with axis 0 turned over, for ``DRR()`` flips it; so left-handed for a right-handed array.
    - Origin: the outer corner of voxel (n0 - 1, 0, 0) of the array; the volume fills the positive octant.
    - Maps: millimetres, x0 = (n0 - 1/2 - i) s0, x1 = (j + 1/2) s1, x2 = (k + 1/2) s2 for the centre of voxel (i, j, k),
      to the world. (Its Siddon then draws voxel k one voxel too low along axis 2.)
    - Source: DiffDRR 0.3.9, ``drr.py`` (flip), ``siddon.py`` (corner; the ``+ 1`` in ``_get_index``).

    Parameters
    ----------
    shape
        Of the array that ``DRR(volume, spacing, …)`` is given.
    world_from_array
        (4, 4) voxel indices of that array to the world, at right angles; its column lengths are the spacing. For
        DeepFluoro, whose loader flips axis 0 beforehand, say so in this matrix.
    """
    array = as_float64(world_from_array)
    spacing = torch.linalg.norm(array[:3, :3], dim=0)
    if not torch.allclose(array[:3, :3].mT @ array[:3, :3], torch.diag(spacing**2), atol=1e-4):
        raise ValueError(f"world_from_array is {array.tolist()}: its axes are not at right angles, as spacings need")
    array_from_volume = torch.diag(torch.cat([spacing.new_tensor([-1.0, 1.0, 1.0]) / spacing, spacing.new_ones(1)]))
    array_from_volume[:3, 3] = spacing.new_tensor([shape[0] - 0.5, -0.5, -0.5])
    return array @ array_from_volume


def diffpose_isocenter_pose(shape: Sequence[int], spacing: Sequence[float] | Tensor) -> Tensor:
    """DiffPose's ``isocenter_pose`` (4, 4), which it calls AP, at the centre of the volume.

    - Axes: it turns the detector's x to the volume's y, y to -z, z to -x: Euler angles ZYX of (π/2, 0, -π/2).
    - Origin: the volume's corner; the camera's point half-way between source and detector goes to the volume's centre.
    - Maps: the detector's frame to the volume's, as every pose here; DiffPose's offsets are multiplied from the left,
      ``pose = exp_se3(offset) @ diffpose_isocenter_pose(…)``, where its code has ``isocenter_pose.compose(offset)``.
    - Source: DiffPose 0.0.1, ``deepfluoro.py``, ``ljubljana.py``.
    """
    rotation = roma.euler_to_rotmat("ZYX", as_float64([math.pi / 2, 0.0, -math.pi / 2]))
    return make_transform(rotation, as_float64(shape) * as_float64(spacing) / 2)


def from_diffpose(
    pose: Tensor,
    world_from_volume: Tensor,
    *,
    sdr: float,
    height: int,
    delx: float,
    width: int | None = None,
    dely: float | None = None,
    x0: float = 0.0,
    y0: float = 0.0,
    reverse_x_axis: bool = False,
) -> tuple[Camera, Tensor]:
    """The camera and ``world_from_camera`` (4, 4) of a pose of DiffDRR 0.3.9 or DiffPose.

    - Axes: right-handed; rows of the image increase along +y, columns along +z, or -z with ``reverse_x_axis``.
    - Origin: half-way between the source at (sdr, 0, 0) and the detector's plane through (-sdr, 0, 0), sdr = f/2.
    - Maps: the detector's frame to the volume's, see :func:`diffpose_volume`.
    - Source: DiffDRR 0.3.9, ``detector.py``.

    Parameters
    ----------
    pose
        (4, 4) acting on columns: ``pose.get_matrix()[0].T`` of their ``RigidTransform``, which acts on rows.
    world_from_volume
        (4, 4) of :func:`diffpose_volume`.
    sdr, height, delx, width, dely, x0, y0, reverse_x_axis
        As ``DRR(volume, spacing, …)`` takes them: ``delx`` is the spacing of the *rows*; ``x0`` shifts the detector
        along -z whether its columns are reversed or not, and ``y0`` along -y.
    """
    width, dely = width or height, dely or delx
    detector = as_float64([[sdr, 0.0, 0.0], [-sdr, -y0, -x0]])
    source, center = transform_points(pose, detector)
    rotation = as_float64(pose)[:3, :3]
    columns = -rotation[:, 2] if reverse_x_axis else rotation[:, 2]
    positions = Positions(source, center, columns, rotation[:, 1])
    return from_positions(positions, (delx, dely), (height, width), world_from_volume)


def to_diffpose(
    camera: Camera, world_from_camera: Tensor, world_from_volume: Tensor
) -> tuple[Tensor, dict[str, float | int | bool]]:
    """The pose (4, 4), acting on columns, and the keyword arguments of 0.3.9's ``DRR`` after volume and spacing.

    The inverse of :func:`from_diffpose`. The pose is proper; a mirror shows as ``reverse_x_axis``. For DiffPose:
    ``RigidTransform(pose[:3, :3], pose[:3, 3])``.
    """
    volume_from_world = torch.linalg.inv(as_float64(world_from_volume))
    source, center, columns, rows = to_positions(camera, world_from_camera, volume_from_world)
    normal = torch.linalg.cross(columns, rows)
    toward_source = normal * torch.sign((source - center) @ normal)
    rotation = torch.stack([toward_source, rows, torch.linalg.cross(toward_source, rows)], -1)
    sdr = camera.sid / 2
    shift = rotation.mT @ (center - source)
    arguments = {
        "sdr": sdr,
        "height": camera.shape[0],
        "width": camera.shape[1],
        "delx": camera.pixel_spacing[0],
        "dely": camera.pixel_spacing[1],
        "x0": -shift[2].item(),
        "y0": -shift[1].item(),
        "reverse_x_axis": bool(rotation[:, 2] @ columns < 0),
    }
    return make_transform(rotation, source - sdr * toward_source), arguments
