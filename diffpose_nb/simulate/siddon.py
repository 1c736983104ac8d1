"""The compiled inner loop of :mod:`diffpose_nb.simulate`: exact path lengths through voxels of two materials."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from ..runtime import KERNEL_LOCK


def areal_densities(
    volume: np.ndarray,
    densities: np.ndarray,
    world_from_voxel: np.ndarray,
    source: np.ndarray,
    corner: np.ndarray,
    steps: np.ndarray,
    shape: tuple[int, int],
) -> np.ndarray:
    r"""Mass per area of each material along the rays from a source to a grid of points.

    .. math:: a_m = \sum_{\text{voxels}} \rho_m(\text{voxel})\ \ell(\text{ray, voxel})

    with :math:`\ell` the exact length of the ray inside the voxel, which is a box of constant density (Siddon, Med.
    Phys. 12:252, 1985). The voxels are found by stepping from face to face (Amanatides and Woo, Eurographics 1987).

    Parameters
    ----------
    volume
        (I, J, K) int16, C-contiguous: for each voxel, the row of ``densities`` that holds its densities. The columns of
        the grid should run along the last axis (head to foot in a CT): neighbouring rays of a column then find their
        voxels in the processor's cache.
    densities
        (T, 2) float32, g/cm³: a table of the densities of two materials.
    world_from_voxel
        (4, 4), to world mm; voxel centres have integer coordinates. Any invertible affine works, also a sheared or
        mirrored one.
    source
        (3,) position of the source, world mm.
    corner, steps
        (3,) the first point of the grid, and (2, 3) the steps to the next row and to the next column, world mm.
    shape
        (rows, columns) of the grid.

    Returns
    -------
    ndarray
        (2, rows, columns) float32, g/cm². Rays that miss the volume give 0. For rays that start or end inside the
        volume, only the part that they cross counts.
    """
    matrix = np.ascontiguousarray(world_from_voxel[:3, :3], np.float64)
    voxel_from_world = np.linalg.inv(matrix)
    origin = voxel_from_world @ (source - world_from_voxel[:3, 3]) + 0.5  # voxels' faces, not centres, are at integers
    runs = np.stack([corner - source, *steps]) @ voxel_from_world.T
    out = np.zeros((2, *shape), np.float32)
    with KERNEL_LOCK:
        _trace(volume, densities, matrix, origin, np.ascontiguousarray(runs), out)
    return out


@njit(parallel=True, cache=True, nogil=True)
def _trace(volume, densities, matrix, origin, runs, out):
    size_i, size_j, size_k = volume.shape
    stride_i, stride_j = size_j * size_k, size_k
    flat = volume.ravel()
    for column in prange(out.shape[2]):
        for row in range(out.shape[1]):
            run_i = runs[0, 0] + row * runs[1, 0] + column * runs[2, 0]
            run_j = runs[0, 1] + row * runs[1, 1] + column * runs[2, 1]
            run_k = runs[0, 2] + row * runs[1, 2] + column * runs[2, 2]
            first, last = 0.0, 1.0
            first, last = _clip(origin[0], run_i, size_i, first, last)
            first, last = _clip(origin[1], run_j, size_j, first, last)
            first, last = _clip(origin[2], run_k, size_k, first, last)
            if last <= first:
                continue
            i, step_i, next_i, delta_i = _enter(origin[0], run_i, size_i, first)
            j, step_j, next_j, delta_j = _enter(origin[1], run_j, size_j, first)
            k, step_k, next_k, delta_k = _enter(origin[2], run_k, size_k, first)
            hop_i, hop_j, hop_k = step_i * stride_i, step_j * stride_j, step_k
            left_i = size_i - i if step_i > 0 else i + 1
            left_j = size_j - j if step_j > 0 else j + 1
            left_k = size_k - k if step_k > 0 else k + 1
            at = i * stride_i + j * stride_j + k
            soft, bone, here = 0.0, 0.0, first
            while left_i > 0 and left_j > 0 and left_k > 0:
                material = flat[at]
                if next_j <= next_i and next_j <= next_k:
                    leave = min(next_j, last)
                    next_j += delta_j
                    at += hop_j
                    left_j -= 1
                elif next_i <= next_k:
                    leave = min(next_i, last)
                    next_i += delta_i
                    at += hop_i
                    left_i -= 1
                else:
                    leave = min(next_k, last)
                    next_k += delta_k
                    at += hop_k
                    left_k -= 1
                soft += (leave - here) * densities[material, 0]
                bone += (leave - here) * densities[material, 1]
                here = leave
                if here >= last:
                    break
            x = matrix[0, 0] * run_i + matrix[0, 1] * run_j + matrix[0, 2] * run_k
            y = matrix[1, 0] * run_i + matrix[1, 1] * run_j + matrix[1, 2] * run_k
            z = matrix[2, 0] * run_i + matrix[2, 1] * run_j + matrix[2, 2] * run_k
            centimetres = 0.1 * math.sqrt(x * x + y * y + z * z)
            out[0, row, column] = soft * centimetres
            out[1, row, column] = bone * centimetres


@njit(cache=True)
def _clip(origin, run, size, first, last):
    """The part of [first, last] in which ``origin + a * run`` lies within [0, size]; empty if last <= first."""
    if run == 0.0:
        return (first, last) if 0.0 <= origin < size else (1.0, 0.0)
    near, far = -origin / run, (size - origin) / run
    return max(first, min(near, far)), min(last, max(near, far))


@njit(cache=True)
def _enter(origin, run, size, first):
    """Along one axis: the voxel at ``first``, the direction of travel (1 or -1), and two values of ``a``.

    These are the ``a`` at which the ray meets the next face, and the distance in ``a`` from one face to the next.
    """
    voxel = min(max(math.floor(origin + first * run), 0), size - 1)
    if run == 0.0:
        return voxel, 1, np.inf, np.inf
    step = 1 if run > 0.0 else -1
    face = voxel + 1 if run > 0.0 else voxel
    # If a ray runs almost within a face, rounding may put its start on the far side of this face. The face then counts
    # as crossed at ``first``, and not before it.
    return voxel, step, max((face - origin) / run, first), abs(1.0 / run)
