"""Small motions of a pose: six numbers, rotation first, and the axes in which these numbers are given."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .rigid import as_float64, invert, make_transform


def exp_se3(twist: Tensor) -> Tensor:
    r"""The transform (..., 4, 4) of a twist (..., 6) = (rotation vector in radians, translation part in mm).

    .. math:: \exp\begin{bmatrix}[\omega]_\times & t\\0 & 0\end{bmatrix}

    Multiplied from the left, as in ``exp_se3(twist) @ world_from_camera``, the transform moves the camera. The twist is
    then in world axes, and it rotates about the world's origin.
    """
    twist = as_float64(twist)
    generator = twist.new_zeros(*twist.shape[:-1], 4, 4)
    generator[..., [2, 0, 1], [1, 2, 0]] = twist[..., :3]
    generator[..., [1, 2, 0], [2, 0, 1]] = -twist[..., :3]
    generator[..., :3, 3] = twist[..., 3:]
    return torch.linalg.matrix_exp(generator)


def camera_axes(world_from_camera: Tensor, centre: Sequence[float] | Tensor = (0.0, 0.0, 0.0)) -> Tensor:
    """``world_from_axes`` (4, 4): the camera's axes (x, y and depth), with their origin at a point of the world.

    Parameters
    ----------
    centre
        (3,) the point about which rotations turn, in world coordinates, mm. Default: the centre of the CT.
    """
    return make_transform(as_float64(world_from_camera)[:3, :3], as_float64(centre))


def adjoint(target_from_source: Tensor) -> Tensor:
    r"""The matrix (6, 6) that converts a twist in axes of *source* to the twist of the same motion in axes of *target*.

    .. math::
        \mathrm{Ad}_T = \begin{bmatrix} R & 0\\ [\tau]_\times R & R \end{bmatrix},\qquad
        \exp(\mathrm{Ad}_T\,\xi) = T \exp(\xi)\, T^{-1}

    Parameters
    ----------
    target_from_source
        (4, 4) rigid transform with rotation R and translation :math:`\tau`.

    Source: Lynch and Park, Modern Robotics, Cambridge 2017, section 3.3, where twists begin with the rotation too.
    """
    transform = as_float64(target_from_source)
    rotation, translation = transform[:3, :3], transform[:3, 3]
    lever = torch.linalg.cross(translation.expand(3, 3), rotation.mT).mT  # translation × each column of R
    return torch.cat([torch.cat([rotation, torch.zeros_like(rotation)], 1), torch.cat([lever, rotation], 1)])


def change_axes(jacobian: Tensor, world_from_axes: Tensor) -> Tensor:
    """Convert derivatives with respect to a twist in world axes to derivatives with respect to a twist in other axes.

    Both have the shape (6, ...): first the derivatives for the rotation, per radian, then those for the translation,
    per mm.

    Parameters
    ----------
    jacobian
        (6, ...) derivatives from :func:`pose_jacobian`.
    world_from_axes
        (4, 4) transform from the other axes to the world. The result of :func:`camera_axes` gives camera axes about a
        point. ``world_from_camera`` itself gives camera axes about the source; the twist is then the one that
        multiplies the pose from the right.
    """
    return torch.tensordot(adjoint(world_from_axes), jacobian, dims=([0], [0]))


def moved(world_from_camera: Tensor, offsets: Tensor, centre: Sequence[float] | Tensor = (0.0, 0.0, 0.0)) -> Tensor:
    """Move a pose by offsets (..., 6); the result is (..., 4, 4).

    The offsets are three rotations in degrees and three translations in mm, in camera axes about ``centre`` (3,), world
    mm, by default the centre of the CT.
    """
    offsets = as_float64(offsets)
    axes = camera_axes(world_from_camera, centre)
    twists = torch.cat([torch.deg2rad(offsets[..., :3]), offsets[..., 3:]], -1)
    return axes @ exp_se3(twists) @ invert(axes) @ as_float64(world_from_camera)


LEVER = 100.0
"""Distance from the centre of the CT, mm. A rotation counts as the motion that it causes at this distance."""


def apart(first: Tensor, second: Tensor) -> float:
    """How far the motion between two poses (4, 4) moves the patient, in mm: the mean over six points.

    The six points lie on the three world axes, 100 mm (:data:`LEVER`) to both sides of the centre of the CT. Their
    motion is measured in camera coordinates.
    """
    axes = LEVER * torch.eye(3, dtype=torch.float64)
    points = torch.cat([axes, -axes])
    places = [points @ pose[:3, :3].mT + pose[:3, 3] for pose in (invert(first), invert(second))]
    return (places[0] - places[1]).norm(dim=1).mean().item()
