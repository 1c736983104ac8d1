"""The pose of a C-arm from the angles of its positioner, and the angles from the pose."""

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

    The angles say where the *detector* is. Let :math:`\alpha` be the primary and :math:`\beta` the secondary angle. In
    LPS axes with the origin at the isocentre, the unit vector

    .. math::
        d = (\sin\alpha\cos\beta, -\cos\alpha\cos\beta, \sin\beta)

    points from the isocentre to the detector. :math:`u = (\cos\alpha, \sin\alpha, 0)` points along the image's rows, in
    the direction in which the column index increases.
    :math:`v = (\sin\alpha\sin\beta, -\cos\alpha\sin\beta, -\cos\beta)` points down the image's columns.
    The camera's axes are :math:`x = -u,\ y = v,\ z = d`, and its origin is the source, at :math:`-\mathrm{SOD}\,d`.

    - Axes: the patient's axes, LPS, right-handed. The angles are relative to the patient, not to the room.
    - Origin: the isocentre, about which both angles turn the C-arm.
    - Maps: nothing, since angles are no matrix. At 0°/0° the detector is in front of the patient; a primary angle of
      +90° turns it to the patient's left, a secondary angle of +90° to the head.
    - Source: DICOM PS3.3 C.8.7.5.1.2.

    Parameters
    ----------
    primary, secondary
        Positioner Primary Angle (0018,1510) and Secondary Angle (0018,1511), degrees. Positive
        angles turn the detector to the patient's left (LAO) and to the head (CRA).
    sod
        Distance Source to Patient (0018,1111), mm. It is taken as the distance from the source to the isocentre.
    isocenter
        (..., 3) the C-arm's isocentre in world coordinates, mm.

    Returns
    -------
    Tensor
        ``world_from_camera`` (..., 4, 4) float64 with determinant +1. Gradients flow back to the arguments, and the
        arguments broadcast.
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
    r"""The DICOM positioner angles of a pose, and its turn about the optical axis, which the angles cannot express.

    This is the inverse of :func:`carm_pose`. Every rotation is a rotation of :func:`carm_pose` followed by a turn about
    the optical axis. If the C-arm looks along the patient's axis from head to feet (secondary angle ±90°), the primary
    angle and the turn are the same motion; the turn is then returned as 0.

    Parameters
    ----------
    world_from_camera
        (..., 4, 4) pose of the camera.

    Returns
    -------
    tuple of three Tensor
        Three angles in degrees, (...) each: the primary angle within ±180°, the secondary angle within ±90°, and the
        turn within ±180°. The turn is positive where the camera's x axis turns towards its y axis. The SOD and the
        isocentre are not returned, because any point on the optical axis can be the isocentre.
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
