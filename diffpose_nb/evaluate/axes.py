"""The error of a pose as six numbers, in the same axes as the values that the network is trained to predict."""

from __future__ import annotations

import roma
import torch
from torch import Tensor

from ..camera import as_float64, invert


def camera_errors(estimate: Tensor, truth: Tensor) -> Tensor:
    """The error of a pose as six numbers (..., 6): rotation vector in degrees, then translation in mm.

    Both are in camera axes: x, y, and depth. The translation is the difference between the positions of the world's
    origin, the centre of the CT, in the coordinates of the two cameras.
    """
    first, second = as_float64(estimate), as_float64(truth)
    turn = roma.rotmat_to_rotvec(second[..., :3, :3].mT @ first[..., :3, :3])
    shift = invert(first)[..., :3, 3] - invert(second)[..., :3, 3]
    return torch.cat([torch.rad2deg(turn), shift], -1)
