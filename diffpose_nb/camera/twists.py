"""Small motions of a pose: six numbers, rotation first, and the axes that they are in."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .rigid import as_float64, invert, make_transform


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


def camera_axes(world_from_camera: Tensor, centre: Sequence[float] | Tensor = (0.0, 0.0, 0.0)) -> Tensor:
    """``world_from_axes`` (4, 4): the camera's axes (x, y and depth), with their origin at a point of the world.

    Parameters
    ----------
    centre
        (3,) world mm, about which rotations shall turn; default the centre of the CT.
    """
    return make_transform(as_float64(world_from_camera)[:3, :3], as_float64(centre))


def adjoint(target_from_source: Tensor) -> Tensor:
    r"""The same motion in other axes: a twist of *source* to the twist of *target*, (6, 6).

    .. math::
        \mathrm{Ad}_T = \begin{bmatrix} R & 0\\ [\tau]_\times R & R \end{bmatrix},\qquad
        \exp(\mathrm{Ad}_T\,\xi) = T \exp(\xi)\, T^{-1}

    Parameters
    ----------
    target_from_source
        (4, 4), rigid: rotation R, translation :math:`\tau`.

    Source: Lynch and Park, Modern Robotics, Cambridge 2017, section 3.3, where twists begin with the rotation too.
    """
    transform = as_float64(target_from_source)
    rotation, translation = transform[:3, :3], transform[:3, 3]
    lever = torch.linalg.cross(translation.expand(3, 3), rotation.mT).mT  # the columns of R, each crossed
    return torch.cat([torch.cat([rotation, torch.zeros_like(rotation)], 1), torch.cat([lever, rotation], 1)])


def change_axes(jacobian: Tensor, world_from_axes: Tensor) -> Tensor:
    """Derivatives in a twist of other axes, (6, ...): rotation first, per radian and per mm.

    Parameters
    ----------
    jacobian
        (6, ...) of :func:`pose_jacobian`.
    world_from_axes
        (4, 4). Of :func:`camera_axes`: camera axes about a point. ``world_from_camera`` itself: camera axes about the
        source, which is the twist that multiplies the pose from the right.
    """
    return torch.tensordot(adjoint(world_from_axes), jacobian, dims=([0], [0]))


def moved(world_from_camera: Tensor, offsets: Tensor) -> Tensor:
    """A pose moved by offsets (..., 6), degrees and mm in camera axes about the CT's centre: (..., 4, 4)."""
    offsets = as_float64(offsets)
    axes = camera_axes(world_from_camera)
    twists = torch.cat([torch.deg2rad(offsets[..., :3]), offsets[..., 3:]], -1)
    return axes @ exp_se3(twists) @ invert(axes) @ as_float64(world_from_camera)


LEVER = 100.0
"""mm from the centre of the CT, at which a rotation counts as the motion that it makes there."""


def apart(first: Tensor, second: Tensor) -> float:
    """How far the motion between two poses (4, 4) moves the patient, in mm: the mean at the ends of three axes.

    The six points are 100 mm from the centre of the CT, and are carried into camera coordinates.
    """
    axes = LEVER * torch.eye(3, dtype=torch.float64)
    points = torch.cat([axes, -axes])
    places = [points @ pose[:3, :3].mT + pose[:3, 3] for pose in (invert(first), invert(second))]
    return (places[0] - places[1]).norm(dim=1).mean().item()
