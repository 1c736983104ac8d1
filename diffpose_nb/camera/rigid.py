"""Basic rigid transforms, from which every convention of poses is built."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .rotations import roma

ras_from_lps: Tensor = torch.diag(torch.tensor([-1.0, -1.0, 1.0, 1.0], dtype=torch.float64))
"""Transform (4, 4) from LPS axes to RAS axes. It is its own inverse, since both frames have the same origin."""


def as_float64(values: object) -> Tensor:
    """Convert a number, a sequence, an array or a tensor to a float64 tensor; a tensor keeps its gradient."""
    return torch.as_tensor(values, dtype=torch.float64)


def make_transform(rotation: Tensor, translation: Tensor) -> Tensor:
    """Combine a rotation (..., 3, 3) and a translation (..., 3) into a homogeneous transform (..., 4, 4)."""
    rotation, translation = as_float64(rotation), as_float64(translation)
    return roma.Rigid(rotation, translation.expand(*rotation.shape[:-2], 3)).to_homogeneous()


def invert(target_from_source: Tensor) -> Tensor:
    """Invert a rigid transform ``target_from_source`` (..., 4, 4); the result is ``source_from_target``."""
    rotation = target_from_source[..., :3, :3].mT
    return make_transform(rotation, -(rotation @ target_from_source[..., :3, 3:]).squeeze(-1))


def transform_points(target_from_source: Tensor, points: Tensor) -> Tensor:
    """Convert points (..., N, 3) from coordinates of *source* to coordinates of *target*, (..., N, 3)."""
    matrix = as_float64(target_from_source)
    return as_float64(points) @ matrix[..., :3, :3].mT + matrix[..., None, :3, 3]


def rigid_motion(
    rotation: Sequence[float] | Tensor,
    translation: Sequence[float] | Tensor,
    centre: Sequence[float] | Tensor = (0.0, 0.0, 0.0),
) -> Tensor:
    """A motion of the patient, or of the C-arm, about a point: ``moved_from_world`` (..., 4, 4).

    Parameters
    ----------
    rotation
        (..., 3) rotation vector in degrees, in world axes.
    translation
        (..., 3) translation in mm, in world axes. It is applied after the rotation.
    centre
        (3,) the fixed point of the rotation, in world coordinates, mm.
    """
    matrix = roma.rotvec_to_rotmat(torch.deg2rad(as_float64(rotation)))
    centre = as_float64(centre)
    return make_transform(matrix, centre - matrix @ centre + as_float64(translation))
