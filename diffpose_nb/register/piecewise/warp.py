"""The CT as the patient lies after a smooth motion, and what of it belongs to each of the bones that moved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor
from torch.nn.functional import grid_sample

from ...camera import adjoint, invert, transform_points
from ...render import PackedVolume, Volume
from ...render.volumes.volume import shifted
from ...runtime import KERNEL_LOCK
from .field import PolyrigidField

_ROUNDS, _EXACT = 20, 0.01
"""The motion is inverted by at most so many iterations, until places change by less than this, mm."""


@dataclass(frozen=True)
class Share:
    """What belongs to one piece of the CT as it lies after a field's motion.

    Parameters
    ----------
    volume
        Where the piece lies after the motion.
    motion
        (4, 4) the motion of the piece, from the pose of the whole to that of the piece.
    """

    volume: PackedVolume
    motion: Tensor

    def seen_from(self, pose: Tensor) -> Tensor:
        """(4, 4) from where the share is to be seen, so that the piece is seen from a pose (4, 4) of its own."""
        return invert(self.motion) @ pose

    def of_the_piece(self, jacobian: Tensor) -> Tensor:
        """Derivatives (6, N) with respect to a twist of :meth:`seen_from`, as those to a twist of the piece's pose."""
        return adjoint(invert(self.motion)).mT @ jacobian.double()


class Warp:
    """The motion of a field turned round: for each place after the motion, where it was at rest.

    Parameters
    ----------
    field
        The motion.
    """

    def __init__(self, field: PolyrigidField) -> None:
        self._field = field
        there = [torch.arange(n, dtype=torch.float64) for n in field.weights.shape[1:]]
        places = torch.stack(torch.meshgrid(*there, indexing="ij"), -1).reshape(-1, 3)
        self._places = transform_points(field.world_from_grid, places)

    @cached_property
    def _back(self) -> Tensor:
        """(N, 3) from places on the field's grid to where they were at rest, mm."""
        shape = self._field.weights.shape[1:]
        ahead = (self._field(self._places) - self._places).float()
        channels = ahead.mT.reshape(1, 3, *shape)
        grid_from_world = torch.linalg.inv(self._field.world_from_grid)
        scale = 2 / (torch.tensor(shape, dtype=torch.float64) - 1).clamp(min=1)
        back = -ahead
        for _ in range(_ROUNDS):
            at = (transform_points(grid_from_world, self._places + back) * scale - 1).flip(-1).float()
            found = grid_sample(channels, at[None, None, None], align_corners=True, padding_mode="border")
            before, back = back, -found[0, :, 0, 0].mT
            if (back - before).abs().max() < _EXACT:
                break
        return back

    @cached_property
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """How much each place after the motion belongs to each piece, (I, J, K', K), and ``world_from_grid``."""
        weights = self._field.weights_at(self._places + self._back).float()
        return weights.reshape(*self._field.weights.shape[1:], -1).numpy(), self._field.world_from_grid.numpy()

    def __call__(self, volume: Volume) -> Volume:
        """A volume after the motion, on a grid that is as much larger as the motion reaches."""
        if not self._back.any():
            return volume
        voxels = np.linalg.solve(volume.world_from_voxel[:3, :3], self._back.double().mT.numpy())
        margin = np.ceil(np.abs(voxels).max(1)).astype(int)
        moved = np.empty(volume.values.shape + 2 * margin, np.float32)
        world_from_voxel = shifted(volume.world_from_voxel, (-margin).tolist())
        back = np.ascontiguousarray(voxels.T.reshape(*self._field.weights.shape[1:], 3), np.float32)
        with KERNEL_LOCK:
            _resample(np.ascontiguousarray(volume.values), margin, back, self._grid_from(world_from_voxel), moved)
        return Volume(moved, world_from_voxel)

    def share(self, volume: Volume, piece: int) -> Share:
        """What belongs to one piece of a volume after the motion, in the smallest box that holds it."""
        weights = np.ascontiguousarray(self.weights[0][..., piece])
        values = np.empty(volume.values.shape, np.float32)
        with KERNEL_LOCK:
            _weigh(np.ascontiguousarray(volume.values), weights, self._grid_from(volume.world_from_voxel), values)
        ends = [np.flatnonzero(values.any(tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        box = tuple(slice(where[0], where[-1] + 1) for where in ends)
        first = shifted(volume.world_from_voxel, [axis.start for axis in box])
        packed = Volume(np.ascontiguousarray(values[box]), first).pack()
        return Share(packed, invert(self._field.motions[piece]))

    def _grid_from(self, world_from_voxel: np.ndarray) -> np.ndarray:
        """(3, 4) from voxels of a volume to the field's grid."""
        return np.ascontiguousarray((np.linalg.inv(self._field.world_from_grid.numpy()) @ world_from_voxel)[:3])


@njit(cache=True, inline="always")
def _between(at, size):
    """The grid point before a place on one axis, and how far it is beyond that; the border goes on outside."""
    at = min(max(at, 0.0), size - 1.0)
    low = min(int(at), max(size - 2, 0))
    return low, np.float32(at - low)


@njit(parallel=True, cache=True, nogil=True, fastmath=True)
def _resample(values, margin, back, grid, moved):
    """A volume after a motion; ``back`` (…, 3) leads on a coarser grid to where voxels were at rest, in voxels."""
    size = values.shape
    for i in prange(moved.shape[0]):
        for j in range(moved.shape[1]):
            for k in range(moved.shape[2]):
                a, fa = _between(grid[0, 0] * i + grid[0, 1] * j + grid[0, 2] * k + grid[0, 3], back.shape[0])
                b, fb = _between(grid[1, 0] * i + grid[1, 1] * j + grid[1, 2] * k + grid[1, 3], back.shape[1])
                c, fc = _between(grid[2, 0] * i + grid[2, 1] * j + grid[2, 2] * k + grid[2, 3], back.shape[2])
                x, y, z = np.float32(i - margin[0]), np.float32(j - margin[1]), np.float32(k - margin[2])
                for da in range(2):
                    for db in range(2):
                        for dc in range(2):
                            share = (fa if da else 1 - fa) * (fb if db else 1 - fb) * (fc if dc else 1 - fc)
                            if share != 0:
                                x += share * back[a + da, b + db, c + dc, 0]
                                y += share * back[a + da, b + db, c + dc, 1]
                                z += share * back[a + da, b + db, c + dc, 2]
                total = np.float32(0)
                low_i, low_j, low_k = math.floor(x), math.floor(y), math.floor(z)
                if -1 <= low_i < size[0] and -1 <= low_j < size[1] and -1 <= low_k < size[2]:
                    fi, fj, fk = x - np.float32(low_i), y - np.float32(low_j), z - np.float32(low_k)
                    for da in range(2):
                        for db in range(2):
                            for dc in range(2):
                                p, q, r = low_i + da, low_j + db, low_k + dc
                                if 0 <= p < size[0] and 0 <= q < size[1] and 0 <= r < size[2]:
                                    share = (fi if da else 1 - fi) * (fj if db else 1 - fj) * (fk if dc else 1 - fk)
                                    total += share * values[p, q, r]
                moved[i, j, k] = total


@njit(parallel=True, cache=True, nogil=True, fastmath=True)
def _weigh(values, weights, grid, weighed):
    """A volume times weights that are given on a coarser grid."""
    for i in prange(values.shape[0]):
        for j in range(values.shape[1]):
            for k in range(values.shape[2]):
                value = values[i, j, k]
                share = np.float32(0)
                if value != 0:
                    a, fa = _between(grid[0, 0] * i + grid[0, 1] * j + grid[0, 2] * k + grid[0, 3], weights.shape[0])
                    b, fb = _between(grid[1, 0] * i + grid[1, 1] * j + grid[1, 2] * k + grid[1, 3], weights.shape[1])
                    c, fc = _between(grid[2, 0] * i + grid[2, 1] * j + grid[2, 2] * k + grid[2, 3], weights.shape[2])
                    for da in range(2):
                        for db in range(2):
                            for dc in range(2):
                                part = (fa if da else 1 - fa) * (fb if db else 1 - fb) * (fc if dc else 1 - fc)
                                if part != 0:
                                    share += part * weights[a + da, b + db, c + dc]
                weighed[i, j, k] = value * share
