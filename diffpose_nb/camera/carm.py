"""The pose of a C-arm from the angles of its positioner, and back."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .rigid import as_float64, make_transform, ras_from_lps


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

    - Axes: the patient's, LPS, right-handed; the angles are relative to the patient, not to the room.
    - Origin: the isocentre, about which both angles turn.
    - Maps: nothing; at 0/0 the detector is in front of the patient, +90° primary to the left, +90° secondary to the
      head.
    - Source: DICOM PS3.3 C.8.7.5.1.2.

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


def carm_angles(world_from_camera: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""The DICOM positioner angles of a pose, and what they leave over; the inverse of :func:`carm_pose`.

    Every rotation is one of :func:`carm_pose` followed by a turn about the optical axis. Seen along the patient's axis
    (secondary angle ±90°) the primary angle and the turn are one, and the turn is taken as 0.

    Parameters
    ----------
    world_from_camera
        (..., 4, 4).

    Returns
    -------
    tuple of three Tensor
        Degrees, (...): the primary angle in ±180°, the secondary in ±90°, and the turn in ±180°, positive where the
        camera's x axis turns towards its y axis. The SOD and the isocentre are not in it: any point on the optical axis
        can be the isocentre.
    """
    rotation = ras_from_lps[:3, :3] @ as_float64(world_from_camera)[..., :3, :3]
    x, d = rotation[..., 0], rotation[..., 2]
    level = torch.linalg.norm(d[..., :2], dim=-1)
    pole = level < 1e-6
    alpha = torch.where(pole, torch.atan2(-x[..., 1], -x[..., 0]), torch.atan2(d[..., 0], -d[..., 1]))
    beta = torch.atan2(d[..., 2], level)
    primary, secondary = torch.rad2deg(alpha), torch.rad2deg(beta)
    untwisted = ras_from_lps[:3, :3] @ carm_pose(primary, secondary, 1.0)[..., :3, :3]
    turn = torch.atan2((untwisted[..., 1] * x).sum(-1), (untwisted[..., 0] * x).sum(-1))
    return primary, secondary, torch.rad2deg(turn)
