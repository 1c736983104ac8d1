"""A smooth motion of the patient that moves bones rigidly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import grid_sample

from ...camera import as_float64, transform_points

if TYPE_CHECKING:
    import torchio

_GRID = 4.0
"""mm: the grid on which the weights are computed."""
_SOFT, _POWER = 5.0, 6
"""A voxel at d mm from a piece belongs to it with (5 + d)^-6, divided by the sum over all pieces."""
_LEAST = 0.03
"""Smaller weights are set to zero."""


@dataclass(frozen=True)
class PolyrigidField:
    """A smooth motion of the patient that moves each piece rigidly: from the CT to how the patient lies in the X-ray.

    It is seen from the pose of the whole: there, every piece appears where its own pose shows the CT.

    Parameters
    ----------
    weights
        (K, I, J, K') on a grid: how much each place belongs to each piece.
    world_from_grid
        (4, 4).
    motions
        (K, 4, 4) ``moved_from_world`` of each piece of the patient.
    """

    weights: Tensor
    world_from_grid: Tensor
    motions: Tensor

    def weights_at(self, points: Tensor) -> Tensor:
        """(N, K) the weights at points (N, 3) of the CT, world mm."""
        at = transform_points(torch.linalg.inv(self.world_from_grid), as_float64(points))
        size = torch.tensor(self.weights.shape[1:], dtype=torch.float64)
        grid = (2 * at / (size - 1).clamp(min=1) - 1).flip(-1).float()
        found = grid_sample(self.weights[None], grid[None, None, None], align_corners=True, padding_mode="border")
        return found[0, :, 0, 0].mT.double()

    def __call__(self, points: Tensor) -> Tensor:
        """Where points (N, 3) of the CT go: the exponential of the weighted mean of the pieces' logarithms."""
        points = as_float64(points)
        logarithms = torch.stack([logarithm(motion) for motion in self.motions])
        axis, shift = (self.weights_at(points) @ logarithms).split(3, -1)
        angle = axis.norm(dim=1, keepdim=True)
        # Rodrigues' formula, with coefficients that have a value at 0°
        first, second = torch.sinc(angle / np.pi), torch.sinc(angle / (2 * np.pi)).square() / 2
        third = torch.where(angle > 1e-3, (1 - first) / angle.square().clamp(min=1e-12), 1 / 6)
        about, along = axis.cross(points, dim=1), axis.cross(shift, dim=1)
        turned = first * about + second * axis.cross(about, dim=1)
        return points + turned + shift + second * along + third * axis.cross(along, dim=1)


def belonging(subject: torchio.Subject, labels: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    """How much each place of a coarse grid belongs to each label (K, I, J, K'), ``world_from_grid``, the centres."""
    mask = subject["mask"]
    values = mask.data[0].numpy()
    affine = np.asarray(mask.affine, np.float64)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    step = [max(1, round(_GRID / mm)) for mm in spacing]
    coarse = values[:: step[0], :: step[1], :: step[2]]
    scale = np.diag([*step, 1.0])
    distances, centres = [], []
    for label in labels:
        inside = coarse == label
        if not inside.any():
            raise ValueError(f"label {label} is too small to be a piece: it fills no place of a grid of {_GRID:g} mm")
        distances.append(ndimage.distance_transform_edt(~inside, sampling=spacing * step))
        centres.append((affine @ scale)[:3, :3] @ np.argwhere(inside).mean(0) + affine[:3, 3])
    weights = (_SOFT + np.stack(distances)) ** -_POWER
    weights /= weights.sum(0)
    weights[weights < _LEAST] = 0
    weights /= weights.sum(0)
    return torch.from_numpy(weights).float(), torch.from_numpy(affine @ scale), torch.from_numpy(np.stack(centres))


def logarithm(motion: Tensor) -> Tensor:
    """The twist (6,) whose exponential is the motion (4, 4)."""
    from scipy.linalg import logm

    matrix = logm(motion.numpy()).real
    return torch.from_numpy(np.array([*matrix[[2, 0, 1], [1, 2, 0]], *matrix[:3, 3]]))
