"""How every pixel of a DRR changes when one piece of the CT moves: a compiled march, for all pieces at once."""

from __future__ import annotations

import math

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

from ...render import PackedVolume
from ...runtime import KERNEL_LOCK

_GOLDEN = (math.sqrt(5) - 1) / 2


def piece_jacobian(
    volume: PackedVolume, weights: np.ndarray, world_from_grid: np.ndarray, source: Tensor, target: Tensor, step: float
) -> tuple[Tensor, Tensor]:
    r""":func:`diffpose_nb.render.ray_jacobian` for a CT of several pieces, each of which can move.

    A place p belongs to the k-th piece with the weight :math:`w_k(p)`. If this piece is seen from a pose moved by a
    twist :math:`(\omega, t)`, samples move by :math:`w_k(p)\,(t + \omega \times p)` against the CT, so that

    .. math::
        \frac{\partial I}{\partial t} = \sum_n w_k(p_n)\,\nabla v(p_n),\qquad
        \frac{\partial I}{\partial \omega} = \sum_n w_k(p_n)\;p_n \times \nabla v(p_n).

    Parameters
    ----------
    volume
        The CT as the pieces lie.
    weights
        (I, J, K, P) float32 of P pieces on a grid. Between its points the weights are those of the nearest one.
    world_from_grid
        (4, 4).
    source, target
        (N, 3) where each ray begins and ends, world mm.
    step
        The step as a fraction of a ray's length. Samples are offset against each other, as in the renderer.

    Returns
    -------
    (Tensor, Tensor)
        The line integrals (N,), and their derivatives (P, 6, N) with respect to the twist of each piece, in world axes.
    """
    rays, pieces = len(target), weights.shape[-1]
    sums = np.zeros((rays, 1 + 6 * pieces), np.float32)
    ends = (np.ascontiguousarray(points.numpy(), np.float64) for points in (source, target))
    to_voxel, to_grid = (
        np.ascontiguousarray(np.linalg.inv(matrix)[:3], np.float64)
        for matrix in (volume.world_from_voxel, world_from_grid)
    )
    with KERNEL_LOCK:
        _march(volume.values, np.float32(volume.unit), to_voxel, weights, to_grid, *ends, step, sums)
    sums = torch.from_numpy(sums)
    return sums[:, 0], sums[:, 1:].reshape(rays, pieces, 6).permute(1, 2, 0)


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def _march(voxels, unit, to_voxel, weights, to_grid, sources, targets, delta, sums):
    size = voxels.shape
    for ray in prange(len(targets)):
        start, run, first, last, length = np.empty(3), np.empty(3), 0.0, 1.0, 0.0
        for axis in range(3):
            start[axis], run[axis] = to_voxel[axis, 3], 0.0
            for by in range(3):
                way = targets[ray, by] - sources[ray, by]
                start[axis] += to_voxel[axis, by] * sources[ray, by]
                run[axis] += to_voxel[axis, by] * way
            length += (targets[ray, axis] - sources[ray, axis]) ** 2
            face = size[axis] - 1.0
            if abs(run[axis]) < 1e-12:
                if start[axis] < 0.0 or start[axis] > face:
                    last = -1.0
                continue
            near, far = -start[axis] / run[axis], (face - start[axis]) / run[axis]
            first, last = max(first, min(near, far)), min(last, max(near, far))
        offset, length = (0.5 + _GOLDEN * ray) % 1.0, math.sqrt(length)
        weight, before = np.float32(delta * length) * unit, np.float32(0)
        ux = (targets[ray, 0] - sources[ray, 0]) / length
        uy = (targets[ray, 1] - sources[ray, 1]) / length
        uz = (targets[ray, 2] - sources[ray, 2]) / length
        own = sums[ray]
        for n in range(math.ceil(first / delta - offset), math.floor(last / delta - offset) + 1):
            a = (n + offset) * delta
            i, j, k = start[0] + a * run[0], start[1] + a * run[1], start[2] + a * run[2]
            low_i, low_j, low_k = int(i), int(j), int(k)
            if not (0 <= low_i < size[0] - 1 and 0 <= low_j < size[1] - 1 and 0 <= low_k < size[2] - 1):
                continue
            fi, fj, fk = np.float32(i - low_i), np.float32(j - low_j), np.float32(k - low_k)
            v000, v001 = np.float32(voxels[low_i, low_j, low_k]), np.float32(voxels[low_i, low_j, low_k + 1])
            v010, v011 = np.float32(voxels[low_i, low_j + 1, low_k]), np.float32(voxels[low_i, low_j + 1, low_k + 1])
            v100, v101 = np.float32(voxels[low_i + 1, low_j, low_k]), np.float32(voxels[low_i + 1, low_j, low_k + 1])
            v110 = np.float32(voxels[low_i + 1, low_j + 1, low_k])
            v111 = np.float32(voxels[low_i + 1, low_j + 1, low_k + 1])
            d00, d01, d10, d11 = v001 - v000, v011 - v010, v101 - v100, v111 - v110
            c00, c01, c10, c11 = v000 + fk * d00, v010 + fk * d01, v100 + fk * d10, v110 + fk * d11
            b0, b1 = c00 + fj * (c01 - c00), c10 + fj * (c11 - c10)
            by_i, by_j = b1 - b0, (c01 - c00) + fi * ((c11 - c10) - (c01 - c00))
            f0 = d00 + fj * (d01 - d00)
            by_k = f0 + fi * (d10 + fj * (d11 - d10) - f0)
            value = b0 + fi * (b1 - b0)
            own[0] += weight * value
            if value == before and by_i == 0 and by_j == 0 and by_k == 0:
                continue
            # derivatives are covectors: the transposed matrix takes them from voxel axes to world axes
            gx = np.float32(to_voxel[0, 0] * by_i + to_voxel[1, 0] * by_j + to_voxel[2, 0] * by_k)
            gy = np.float32(to_voxel[0, 1] * by_i + to_voxel[1, 1] * by_j + to_voxel[2, 1] * by_k)
            gz = np.float32(to_voxel[0, 2] * by_i + to_voxel[1, 2] * by_j + to_voxel[2, 2] * by_k)
            # Along the ray, the differences between samples take the derivative's place: where the weights do not
            # change, they add up to nothing, as they have to. Derivatives would leave noise there, and the noise would
            # make each step of Gauss-Newton too short.
            along = weight * np.float32(ux * gx + uy * gy + uz * gz) - unit * (value - before)
            before = value
            gx = weight * gx - np.float32(ux) * along
            gy = weight * gy - np.float32(uy) * along
            gz = weight * gz - np.float32(uz) * along
            x = np.float32(sources[ray, 0] + a * (targets[ray, 0] - sources[ray, 0]))
            y = np.float32(sources[ray, 1] + a * (targets[ray, 1] - sources[ray, 1]))
            z = np.float32(sources[ray, 2] + a * (targets[ray, 2] - sources[ray, 2]))
            rx, ry, rz = y * gz - z * gy, z * gx - x * gz, x * gy - y * gx
            cell_i = int(to_grid[0, 0] * x + to_grid[0, 1] * y + to_grid[0, 2] * z + to_grid[0, 3] + 0.5)
            cell_j = int(to_grid[1, 0] * x + to_grid[1, 1] * y + to_grid[1, 2] * z + to_grid[1, 3] + 0.5)
            cell_k = int(to_grid[2, 0] * x + to_grid[2, 1] * y + to_grid[2, 2] * z + to_grid[2, 3] + 0.5)
            cell_i = min(max(cell_i, 0), weights.shape[0] - 1)
            cell_j = min(max(cell_j, 0), weights.shape[1] - 1)
            cell_k = min(max(cell_k, 0), weights.shape[2] - 1)
            for piece in range(weights.shape[3]):
                share = weights[cell_i, cell_j, cell_k, piece]
                if share != 0:
                    place = 1 + 6 * piece
                    own[place] += share * rx
                    own[place + 1] += share * ry
                    own[place + 2] += share * rz
                    own[place + 3] += share * gx
                    own[place + 4] += share * gy
                    own[place + 5] += share * gz
