"""Six numbers that say how far a pose is off, as the network's targets are stated."""

from __future__ import annotations

import roma
import torch
from torch import Tensor

from ..camera import as_float64, invert


def camera_errors(estimate: Tensor, truth: Tensor) -> Tensor:
    """(..., 6): the rotation vector in degrees and the translation in mm, in camera axes: x, y, and depth.

    The translation is that of the world's origin, the centre of the CT, as either camera sees it.
    """
    first, second = as_float64(estimate), as_float64(truth)
    turn = roma.rotmat_to_rotvec(second[..., :3, :3].mT @ first[..., :3, :3])
    shift = invert(first)[..., :3, 3] - invert(second)[..., :3, 3]
    return torch.cat([torch.rad2deg(turn), shift], -1)
