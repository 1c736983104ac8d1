"""Rigid transforms: one pose convention, and the bridges to it.

A transform is a 4x4 float64 tensor named ``target_from_source``. It maps the coordinates of a point
in *source* to its coordinates in *target*, and it composes by reading, left to right:
``pixel_from_camera @ camera_from_world @ world_from_voxel``. Leading dimensions are batches.

The frames (millimetres, right-handed):

LPS
    DICOM's patient frame: +x to the patient's left, +y to the back (posterior), +z to the head.
world
    RAS axes (+x right, +y front, +z head) with the origin at the centre of the CT volume.
camera
    Origin at the X-ray source; x right and y down *as seen from the source*; z towards the detector.
    ``world_from_camera`` is the pose of the C-arm. It is a proper rigid transform (determinant +1).
"""

from __future__ import annotations

from collections.abc import Sequence

import roma
import torch
from diffdrr.pose import RigidTransform
from torch import Tensor

ras_from_lps: Tensor = torch.diag(torch.tensor([-1.0, -1.0, 1.0, 1.0], dtype=torch.float64))
"""(4, 4) axes of LPS to axes of RAS; its own inverse. Both frames share their origin."""

# DiffDRR's detector: x to the right as seen from the detector, y up; ours: x right as seen from the source, y down.
_camera_from_diffdrr = torch.diag(torch.tensor([-1.0, -1.0, 1.0, 1.0], dtype=torch.float64))

# What DiffDRR's ``read(..., orientation=…)`` composes in front of every pose (diffdrr/data.py).
_reorient: dict[str | None, Tensor] = {
    None: torch.eye(4, dtype=torch.float64),
    "AP": torch.tensor([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=torch.float64),
    "PA": torch.tensor([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=torch.float64),
}


def as_float64(values: object) -> Tensor:
    """A float64 tensor of a number, a sequence, an array or a tensor; a tensor keeps its gradient."""
    return torch.as_tensor(values, dtype=torch.float64)


def make_transform(rotation: Tensor, translation: Tensor) -> Tensor:
    """Rotation (..., 3, 3) and translation (..., 3) to a homogeneous transform (..., 4, 4)."""
    rotation, translation = as_float64(rotation), as_float64(translation)
    return roma.Rigid(rotation, translation.expand(*rotation.shape[:-2], 3)).to_homogeneous()


def invert(target_from_source: Tensor) -> Tensor:
    """``source_from_target`` (..., 4, 4) of a rigid ``target_from_source`` (..., 4, 4)."""
    rotation = target_from_source[..., :3, :3].mT
    return make_transform(rotation, -(rotation @ target_from_source[..., :3, 3:]).squeeze(-1))


def transform_points(target_from_source: Tensor, points: Tensor) -> Tensor:
    """Points (..., N, 3) of *source* in coordinates of *target* (..., N, 3)."""
    matrix = as_float64(target_from_source)
    return as_float64(points) @ matrix[..., :3, :3].mT + matrix[..., None, :3, 3]


def exp_se3(twist: Tensor) -> Tensor:
    r"""Twist (..., 6) = (rotation vector in radians, translation part in mm) to a transform (..., 4, 4).

    .. math:: \exp\begin{bmatrix}[\omega]_\times & t\\0 & 0\end{bmatrix}

    Multiplied from the left, ``exp_se3(twist) @ world_from_camera``, it moves the camera in world axes about
    the world's origin.
    """
    twist = as_float64(twist)
    generator = twist.new_zeros(*twist.shape[:-1], 4, 4)
    generator[..., [2, 0, 1], [1, 2, 0]] = twist[..., :3]
    generator[..., [1, 2, 0], [2, 0, 1]] = -twist[..., :3]
    generator[..., :3, 3] = twist[..., 3:]
    return torch.linalg.matrix_exp(generator)


def rigid_motion(
    rotation: Sequence[float] | Tensor,
    translation: Sequence[float] | Tensor,
    centre: Sequence[float] | Tensor = (0.0, 0.0, 0.0),
) -> Tensor:
    """A motion of the patient, or of the C-arm, about a point: ``moved_from_world`` (..., 4, 4).

    Parameters
    ----------
    rotation
        (..., 3) rotation vector in degrees, world axes.
    translation
        (..., 3) mm, world axes, applied after the rotation.
    centre
        (3,) the fixed point of the rotation, world mm.
    """
    matrix = roma.rotvec_to_rotmat(torch.deg2rad(as_float64(rotation)))
    centre = as_float64(centre)
    return make_transform(matrix, centre - matrix @ centre + as_float64(translation))


def carm_pose(
    primary: float | Tensor,
    secondary: float | Tensor,
    sod: float | Tensor,
    isocenter: Sequence[float] | Tensor = (0.0, 0.0, 0.0),
) -> Tensor:
    r"""Pose of a C-arm from its DICOM positioner angles (PS3.3 C.8.7.5.1.2).

    The angles say where the *detector* is. With :math:`\alpha` the primary and :math:`\beta` the secondary
    angle, in LPS and relative to the isocentre,

    .. math::
        d = (\sin\alpha\cos\beta, -\cos\alpha\cos\beta, \sin\beta)

    points from the isocentre to the detector, :math:`u = (\cos\alpha, \sin\alpha, 0)` along the image's rows
    (columns increase) and :math:`v = (\sin\alpha\sin\beta, -\cos\alpha\sin\beta, -\cos\beta)` down its columns.
    The camera's axes are :math:`x = -u,\ y = v,\ z = d`, its origin the source, :math:`-\mathrm{SOD}\,d`.

    Parameters
    ----------
    primary, secondary
        Positioner Primary Angle (0018,1510) and Secondary Angle (0018,1511), degrees. Positive: LAO, CRA.
    sod
        Distance Source to Patient (0018,1111), taken as source to isocentre, mm.
    isocenter
        (..., 3) the C-arm's isocentre in world coordinates, mm.

    Returns
    -------
    Tensor
        ``world_from_camera`` (..., 4, 4) float64, determinant +1. Differentiable; arguments broadcast.
    """
    alpha, beta, sod = torch.broadcast_tensors(
        torch.deg2rad(as_float64(primary)), torch.deg2rad(as_float64(secondary)), as_float64(sod)
    )
    sin_a, cos_a, sin_b, cos_b = alpha.sin(), alpha.cos(), beta.sin(), beta.cos()
    u = torch.stack([cos_a, sin_a, torch.zeros_like(alpha)], -1)
    v = torch.stack([sin_a * sin_b, -cos_a * sin_b, -cos_b], -1)
    d = torch.stack([sin_a * cos_b, -cos_a * cos_b, sin_b], -1)
    rotation = ras_from_lps[:3, :3] @ torch.stack([-u, v, d], -1)
    return make_transform(rotation, as_float64(isocenter) - sod[..., None] * rotation[..., 2])


def to_diffdrr(world_from_camera: Tensor, orientation: str | None = None) -> RigidTransform:
    """The pose as DiffDRR (>= 0.4) takes it, for ``DRR(subject, …, reverse_x_axis=False)``.

    Parameters
    ----------
    world_from_camera
        (4, 4) or (B, 4, 4). Gradients flow through.
    orientation
        The ``orientation`` that the subject was read with: None for subjects of :mod:`diffpose_nb.ct`,
        "AP" for DiffDRR's own default, or "PA" (a reflection: the pose then has determinant -1).

    Returns
    -------
    diffdrr.pose.RigidTransform
        float32 inside, as DiffDRR's detector is, with a batch dimension.
    """
    _require_orientation(orientation)
    matrix = world_from_camera @ _camera_from_diffdrr @ torch.linalg.inv(_reorient[orientation])
    return RigidTransform(matrix.to(torch.float32))


def from_diffdrr(pose: RigidTransform, orientation: str | None = None) -> Tensor:
    """``world_from_camera`` (B, 4, 4) float64 of a DiffDRR pose; the inverse of :func:`to_diffdrr`."""
    _require_orientation(orientation)
    return pose.matrix.to(torch.float64) @ _reorient[orientation] @ _camera_from_diffdrr


def _require_orientation(orientation: str | None) -> None:
    if orientation not in _reorient:
        raise ValueError(f"orientation is {orientation!r}: DiffDRR knows None, 'AP' and 'PA'")
