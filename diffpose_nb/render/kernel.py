"""The compiled inner loop of :mod:`diffpose_nb.render`: one march along every ray gives value and derivatives."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from ..runtime import KERNEL_LOCK

_GOLDEN = (math.sqrt(5) - 1) / 2
_TILE = 64
"""Number of rays that march side by side. They are enough to fill the processor's vector registers, and few enough for
their state to stay in the L1 cache."""
_LARGEST = 2**15 - 1


def pack(values: np.ndarray) -> tuple[np.ndarray, float]:
    """A volume in the form that :func:`march` takes, with a border of zeros one voxel wide, and the unit of its values.

    float64 stays as it is, so that derivatives can be checked. Everything else becomes 16-bit integers times a unit,
    because the number of bytes that are read limits the speed of the march. The unit is 1/32767 of the largest absolute
    value, which is less than one Hounsfield unit.

    Parameters
    ----------
    values
        (I, J, K) finite numbers.

    Returns
    -------
    (ndarray, float)
        The packed values, (I + 2, J + 2, K + 2) int16 or float64, C-contiguous, and their unit.
    """
    if values.dtype == np.float64:
        return np.pad(values, 1), 1.0
    packed = np.zeros([n + 2 for n in values.shape], np.int16)
    unit = max(float(values.max()), -float(values.min())) / _LARGEST or 1.0
    for slab, source in zip(packed[1:-1, 1:-1, 1:-1], values, strict=True):  # slab by slab, to save a float copy
        np.rint(source / unit, out=slab, casting="unsafe")
    return packed, unit


def march(
    volume: np.ndarray,
    unit: float,
    voxel_from_world: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    step: float,
    with_gradient: bool,
    columns: int = 1,
) -> np.ndarray:
    r"""Line integrals of a volume along rays, and two sums of its gradient along the same rays.

    The ray runs from :math:`s` to :math:`q`; its samples are at :math:`p_k = s + a_k (q - s)` with
    :math:`a_k = (k + o)\,\Delta a`. The samples do not depend on where the ray enters the volume; otherwise this point
    would have to be differentiated too. Samples outside the volume are left out. This changes nothing, because the
    outermost voxels of the volume are expected to be zero.

    The offset o differs from ray to ray: for the n-th ray it is :math:`o_n = \{1/2 + n\varphi\}`, the fractional part
    with the golden ratio :math:`\varphi = (\sqrt 5 - 1)/2`. With the same offset for all rays, neighbouring rays would
    make the same error, and these errors would add up in the gradient of a loss instead of averaging out.

    Parameters
    ----------
    volume, unit
        The two results of :func:`pack`. The volume is interpolated trilinearly.
    voxel_from_world
        (4, 4) float64, to voxel coordinates, which are whole numbers at the centres of the packed volume's voxels.
    source, target
        (B, N, 3) float64, the ends of the N rays of each of B images, world mm.
    step
        :math:`\Delta a`, the step as a fraction of a ray's length.
    with_gradient
        False leaves the six columns of derivatives at zero and saves time.
    columns
        Width of the image whose pixels the rays are, row by row. The rays are visited column by column: neighbours in a
        column lie along the patient, which is a CT's last axis, so they find their voxels in the processor's cache.

    Returns
    -------
    ndarray
        (B, N, 7) float64: I, G (3) and K (3) of :func:`diffpose_nb.render.integrate`, in world axes. The arithmetic
        along the ray is float64 for a float64 volume, else float32.
    """
    images, rays, _ = target.shape
    if rays % columns:
        raise ValueError(f"columns is {columns}: {rays} rays are no whole number of such rows")
    sums = np.zeros((images, rays, 7))
    ends = (np.ascontiguousarray(points, np.float64).reshape(-1, 3) for points in (source, target))
    matrix = np.ascontiguousarray(voxel_from_world[:3], np.float64)
    number = np.ones(1, np.float64 if volume.dtype == np.float64 else np.float32)
    with KERNEL_LOCK:
        _march(volume, unit, matrix, *ends, step, images, columns, with_gradient, number, sums.reshape(-1, 7))
    return sums


# Rows of the state of a tile; each column of it belongs to one ray. The rows hold the position of the first sample, the
# increment of the position per step, the fractions of the position between voxels, whether the position is in the
# volume, and the seven sums.
_I, _J, _K, _DI, _DJ, _DK, _FI, _FJ, _FK, _IN, _SUM = range(11)
_STATE = _SUM + 7


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def _march(volume, unit, matrix, source, target, delta, images, columns, with_gradient, number, sums):
    """March along the rays, tile by tile; all rays of a tile take the same step together.

    A step has three loops over the rays of the tile. The first computes where the rays are, the second reads the eight
    voxels around each, which neighbours mostly share, and the third does the arithmetic. The compiler turns the first
    and the third into vector code. The dtype of ``number`` is the precision of the arithmetic.
    """
    size_i, size_j, size_k = volume.shape
    stride_i, stride_j = np.int32(size_j * size_k), np.int32(size_k)
    flat = volume.ravel()
    real = number.dtype.type
    top_i, top_j, top_k = real(size_i - 1), real(size_j - 1), real(size_k - 1)
    last_i, last_j, last_k = np.int32(size_i - 2), np.int32(size_j - 2), np.int32(size_k - 2)
    rays = len(target) // images
    rows = rays // columns
    tiles = (rows + _TILE - 1) // _TILE
    tall = (rows + tiles - 1) // tiles
    n = _TILE
    for task in prange(images * columns * tiles):
        image, place = task // (columns * tiles), task % (columns * tiles)
        column, top = place // tiles, place % tiles * tall
        count = min(tall, rows - top)
        state = np.zeros(_STATE * n, number.dtype)
        voxels = np.empty(8 * n, volume.dtype)
        at = np.zeros(n, np.int32)
        ray, offset = np.zeros(n, np.int64), np.zeros(n)
        start, run = np.zeros((n, 3)), np.zeros((n, 3))  # of each ray, in voxel coordinates
        begin, end = np.int64(2**62), np.int64(-1)
        for r in range(count):
            ray[r] = image * rays + (top + r) * columns + column
            offset[r] = (0.5 + _GOLDEN * ((top + r) * columns + column)) % 1.0
            for axis in range(3):
                start[r, axis] = matrix[axis, 3]
                for along in range(3):
                    start[r, axis] += matrix[axis, along] * source[ray[r], along]
                    run[r, axis] += matrix[axis, along] * (target[ray[r], along] - source[ray[r], along])
            # Clip the ray to the box of voxel centres [0, size - 1], in double precision.
            first, last = 0.0, 1.0
            for axis in range(3):
                face = volume.shape[axis] - 1.0
                if abs(run[r, axis]) < 1e-12:
                    if start[r, axis] < 0.0 or start[r, axis] > face:
                        last = -1.0
                    continue
                near, far = -start[r, axis] / run[r, axis], (face - start[r, axis]) / run[r, axis]
                first, last = max(first, min(near, far)), min(last, max(near, far))
            enters, leaves = math.ceil(first / delta - offset[r]), math.floor(last / delta - offset[r])
            if leaves >= enters:
                begin, end = min(begin, enters), max(end, leaves)
        # From here on positions are relative to the first sample, so single precision is enough.
        for r in range(count):
            a = (begin + offset[r]) * delta
            for axis in range(3):
                state[(_I + axis) * n + r] = start[r, axis] + a * run[r, axis]
                state[(_DI + axis) * n + r] = delta * run[r, axis]
        for step in range(end - begin + 1):
            steps = real(step)
            for r in range(count):
                i, j, k = (
                    state[_I * n + r] + steps * state[_DI * n + r],
                    state[_J * n + r] + steps * state[_DJ * n + r],
                    state[_K * n + r] + steps * state[_DK * n + r],
                )
                inside = (i >= 0) & (i <= top_i) & (j >= 0) & (j <= top_j) & (k >= 0) & (k <= top_k)
                whole_i = min(max(np.int32(i), np.int32(0)), last_i)
                whole_j = min(max(np.int32(j), np.int32(0)), last_j)
                whole_k = min(max(np.int32(k), np.int32(0)), last_k)
                state[_FI * n + r], state[_FJ * n + r], state[_FK * n + r] = (
                    i - real(whole_i),
                    j - real(whole_j),
                    k - real(whole_k),
                )
                state[_IN * n + r] = real(1) if inside else real(0)
                at[r] = whole_i * stride_i + whole_j * stride_j + whole_k
            for r in range(count):
                here = at[r]
                voxels[r], voxels[n + r] = flat[here], flat[here + 1]
                voxels[2 * n + r], voxels[3 * n + r] = flat[here + stride_j], flat[here + stride_j + 1]
                here += stride_i
                voxels[4 * n + r], voxels[5 * n + r] = flat[here], flat[here + 1]
                voxels[6 * n + r], voxels[7 * n + r] = flat[here + stride_j], flat[here + stride_j + 1]
            for r in range(count):
                fi, fj, fk, inside = state[_FI * n + r], state[_FJ * n + r], state[_FK * n + r], state[_IN * n + r]
                v000, v001, v010, v011 = (
                    real(voxels[r]),
                    real(voxels[n + r]),
                    real(voxels[2 * n + r]),
                    real(voxels[3 * n + r]),
                )
                v100, v101, v110, v111 = (
                    real(voxels[4 * n + r]),
                    real(voxels[5 * n + r]),
                    real(voxels[6 * n + r]),
                    real(voxels[7 * n + r]),
                )
                d00, d01, d10, d11 = v001 - v000, v011 - v010, v101 - v100, v111 - v110
                c00, c01, c10, c11 = v000 + fk * d00, v010 + fk * d01, v100 + fk * d10, v110 + fk * d11
                e0, e1 = c01 - c00, c11 - c10
                b0, b1 = c00 + fj * e0, c10 + fj * e1
                state[_SUM * n + r] += inside * (b0 + fi * (b1 - b0))
                if with_gradient:
                    f0, f1 = d00 + fj * (d01 - d00), d10 + fj * (d11 - d10)
                    by_i = inside * (b1 - b0)
                    by_j = inside * (e0 + fi * (e1 - e0))
                    by_k = inside * (f0 + fi * (f1 - f0))
                    state[(_SUM + 1) * n + r] += by_i
                    state[(_SUM + 2) * n + r] += by_j
                    state[(_SUM + 3) * n + r] += by_k
                    state[(_SUM + 4) * n + r] += steps * by_i
                    state[(_SUM + 5) * n + r] += steps * by_j
                    state[(_SUM + 6) * n + r] += steps * by_k
        for r in range(count):
            square, inside_source, inside_target = 0.0, True, True
            for axis in range(3):
                way = target[ray[r], axis] - source[ray[r], axis]
                square += way * way
                face, goal = volume.shape[axis] - 1.0, start[r, axis] + run[r, axis]
                inside_source &= 0.0 < start[r, axis] < face
                inside_target &= 0.0 < goal < face
            weight = delta * unit * math.sqrt(square)
            integral = weight * state[_SUM * n + r]
            sums[ray[r], 0] = integral
            if with_gradient:
                # Derivatives are covectors: the transposed matrix takes them from voxel axes to world axes.
                a = (begin + offset[r]) * delta
                along_whole, along_stepped = 0.0, integral
                for axis in range(3):
                    whole, stepped = 0.0, 0.0
                    for by in range(3):
                        part = state[(_SUM + 1 + by) * n + r]
                        whole += matrix[by, axis] * part
                        stepped += matrix[by, axis] * (a * part + delta * state[(_SUM + 4 + by) * n + r])
                    way = target[ray[r], axis] - source[ray[r], axis]
                    along_whole += weight * whole * way
                    along_stepped += weight * stepped * way
                    sums[ray[r], 1 + axis], sums[ray[r], 4 + axis] = weight * whole, weight * stepped
                # The components along the ray are known exactly and replace those of the sums: see render.integrate.
                if not (inside_source or inside_target):
                    for axis in range(3):
                        way = (target[ray[r], axis] - source[ray[r], axis]) / square
                        sums[ray[r], 1 + axis] -= along_whole * way
                        sums[ray[r], 4 + axis] -= along_stepped * way
