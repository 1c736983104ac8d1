"""The error of a pose as six numbers, in the same axes as the values that the network is trained to predict."""

from __future__ import annotations

import torch
from torch import Tensor

from ..camera import as_float64, invert, transform_points
from ..camera.rotations import roma


def camera_errors(estimate: Tensor, truth: Tensor, centre: Tensor | None = None) -> Tensor:
    """The error of a pose as six numbers (..., 6): rotation vector in degrees, then translation in mm.

    Both are in camera axes: x, y, and depth. The translation is the difference between the positions of a point of the
    patient in the coordinates of the two cameras.

    Parameters
    ----------
    estimate, truth
        Poses (..., 4, 4).
    centre
        (..., 3) the point, world mm. It should be in the part of the patient that the X-ray shows: a turn about another
        point moves that part too. Default the world's origin, which is the centre of the CT as
        it was loaded.
    """
    first, second = as_float64(estimate), as_float64(truth)
    turn = roma.rotmat_to_rotvec(second[..., :3, :3].mT @ first[..., :3, :3])
    if centre is None:
        shift = invert(first)[..., :3, 3] - invert(second)[..., :3, 3]
    else:
        point = as_float64(centre)[..., None, :]
        shift = (transform_points(invert(first), point) - transform_points(invert(second), point)).squeeze(-2)
    return torch.cat([torch.rad2deg(turn), shift], -1)
