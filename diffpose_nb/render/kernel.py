"""The compiled inner loop of :mod:`diffpose_nb.render`: one march along every ray gives value and derivatives.

The danger for such a loop is not arithmetic but waiting. A processor adds up the samples of sixteen rays at once, in a
few cycles; a voxel that is not in its cache takes it hundreds. So everything here is arranged around the reading: rays
are visited in the order in which the CT lies in memory, they march in groups, so that many reads are under way at a
time, voxels are asked for some steps before they are needed, and two neighbours are read as one number.

With that, little is left to wait for: on a chest CT the march takes hardly longer than it would with all voxels in the
cache. So what saves memory no longer saves time. Bricks in place of lines of voxels, a coarser CT, and leaving out what
is empty, where a fifteenth of the steps are, were tried and do not pay.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from ..runtime import KERNEL_LOCK
from .prefetch import prefetch

_GOLDEN = (math.sqrt(5) - 1) / 2
_TILE = 64
"""Number of rays that march side by side. They are enough to fill the processor's vector registers, and few enough for
their state to stay in the L1 cache. It is a constant, and every tile is full, so that no loop has a remainder that
would not be vector code."""
_AHEAD = 4
"""Steps between asking for a voxel and reading it. They take about as long as the memory takes to answer."""
_RING = 8
"""Samples of so many steps are remembered at a time: more than :data:`_AHEAD`, and a power of two, so that the compiler
sees that a place in the ring is never negative."""
_LARGEST = 2**15 - 1
_PAIR = {"int16": np.int32, "float64": np.complex128}
"""A number that is as long as two voxels."""


def pack(values: np.ndarray) -> tuple[np.ndarray, float]:
    """A volume in the form that :func:`march` takes, with a border of zeros one voxel wide, and the unit of its values.

    float64 stays as it is, so that derivatives can be checked. Everything else becomes 16-bit integers times a unit,
    because what the march waits for is bytes. The unit is 1/32767 of the largest absolute value, which is less than one
    Hounsfield unit.

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
    order = np.arange(rays).reshape(-1, columns).T.ravel()
    number = np.zeros(1, np.float64 if volume.dtype == np.float64 else np.float32)
    kinds = number, np.zeros(1, volume.dtype)
    with KERNEL_LOCK:
        _march(
            _pairs(volume), volume.shape, unit, matrix, *ends, step, order, with_gradient, *kinds, sums.reshape(-1, 7)
        )
    return sums


def _pairs(volume: np.ndarray) -> np.ndarray:
    """A view of a volume (I, J, K) as a list, whose n-th number holds the voxels n and n + 1: one read gives both."""
    flat = volume.reshape(-1)
    return np.ndarray((flat.size - 1,), _PAIR[volume.dtype.name], flat, strides=flat.strides)


# Rows of the state of a tile; each column of it belongs to one ray. The rows hold the position of the first sample, the
# increment of the position per step, and the seven sums.
_POSITION, _INCREMENT, _SUM = 0, 3, 6
_STATE = _SUM + 7


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def _march(pairs, shape, unit, matrix, source, target, delta, order, with_gradient, number, voxel, sums):
    """March along the rays, tile by tile; all rays of a tile take the same step together.

    ``number`` and ``voxel`` are there for their dtype: that of the arithmetic, and that of the volume.
    """
    n, total = _TILE, len(target)
    for tile in prange((total + n - 1) // n):
        count = min(n, total - tile * n)
        state = np.zeros(_STATE * n, number.dtype)
        ray, offset = np.zeros(n, np.int64), np.zeros(n)
        start, run = np.zeros((n, 3)), np.zeros((n, 3))  # of each ray, in voxel coordinates
        begin, end = np.int64(2**62), np.int64(-1)
        for r in range(n):
            place = tile * n + min(r, count - 1)  # the last tile is filled up with copies of its last ray
            nth = order[place % len(order)]
            ray[r] = place // len(order) * len(order) + nth
            offset[r] = (0.5 + _GOLDEN * nth) % 1.0
            for axis in range(3):
                start[r, axis] = matrix[axis, 3]
                for along in range(3):
                    start[r, axis] += matrix[axis, along] * source[ray[r], along]
                    run[r, axis] += matrix[axis, along] * (target[ray[r], along] - source[ray[r], along])
            # Clip the ray to the box of voxel centres [0, size - 1], in double precision.
            first, last = 0.0, 1.0
            for axis in range(3):
                face = shape[axis] - 1.0
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
        for r in range(n):
            a = (begin + offset[r]) * delta
            for axis in range(3):
                state[(_POSITION + axis) * n + r] = start[r, axis] + a * run[r, axis]
                state[(_INCREMENT + axis) * n + r] = delta * run[r, axis]
        _walk(pairs, shape, end - begin + 1, with_gradient, number, voxel, state)
        for r in range(count):
            square, inside_source, inside_target = 0.0, True, True
            for axis in range(3):
                way = target[ray[r], axis] - source[ray[r], axis]
                square += way * way
                face, goal = shape[axis] - 1.0, start[r, axis] + run[r, axis]
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


@njit(fastmath=True)
def _walk(pairs, shape, steps, with_gradient, number, voxel, state):
    """The steps of one tile. A step has four loops over its rays.

    The first computes where the rays will be some steps later, the second asks for the voxels there. The third reads
    the voxels for which this was done some steps before, and the fourth does the arithmetic. The compiler turns the
    first and the fourth into vector code. In between, what is known of a sample waits in a ring.
    """
    n, real = _TILE, number.dtype.type
    size_i, size_j, size_k = shape
    stride_i, stride_j = np.int32(size_j * size_k), np.int32(size_k)
    top_i, top_j, top_k = real(size_i - 1), real(size_j - 1), real(size_k - 1)
    # Unsigned numbers as indices: a signed one could be negative, which Python counts from the end.
    over_i, over_j, over_ij = np.uint64(size_j * size_k), np.uint64(size_k), np.uint64(size_j * size_k + size_k)
    # The last voxel of one line of the border and the first of the next: the eight voxels "around" it are all of the
    # border, so zero. A sample outside the volume is put there, and adds nothing without being treated specially.
    nowhere = np.int32(size_k - 1)
    at = np.zeros(_RING * n, np.uint32)
    between = np.zeros(_RING * 3 * n, number.dtype)  # where a sample is between voxels, 0 to 1
    read = np.zeros(4 * n, pairs.dtype)
    voxels = read.view(voxel.dtype)
    for step in range(-_AHEAD, steps):
        ahead = step + _AHEAD
        if ahead < steps:
            slot = (ahead & (_RING - 1)) * n
            for r in range(n):
                i = state[r] + real(ahead) * state[_INCREMENT * n + r]
                j = state[n + r] + real(ahead) * state[(_INCREMENT + 1) * n + r]
                k = state[2 * n + r] + real(ahead) * state[(_INCREMENT + 2) * n + r]
                inside = (i >= 0) & (i < top_i) & (j >= 0) & (j < top_j) & (k >= 0) & (k < top_k)
                whole_i, whole_j, whole_k = np.int32(i), np.int32(j), np.int32(k)
                between[3 * slot + r] = i - real(whole_i)
                between[3 * slot + n + r] = j - real(whole_j)
                between[3 * slot + 2 * n + r] = k - real(whole_k)
                at[slot + r] = whole_i * stride_i + whole_j * stride_j + whole_k if inside else nowhere
            for r in range(n):
                here = np.uint64(at[slot + r])
                prefetch(pairs, here)
                prefetch(pairs, here + over_j)
                prefetch(pairs, here + over_i)
                prefetch(pairs, here + over_ij)
        if step < 0:
            continue
        slot = (step & (_RING - 1)) * n
        for r in range(n):
            here = np.uint64(at[slot + r])
            read[r] = pairs[here]
            read[n + r] = pairs[here + over_j]
            read[2 * n + r] = pairs[here + over_i]
            read[3 * n + r] = pairs[here + over_ij]
        for r in range(n):
            fi, fj, fk = between[3 * slot + r], between[3 * slot + n + r], between[3 * slot + 2 * n + r]
            v000, v001 = real(voxels[2 * r]), real(voxels[2 * r + 1])
            v010, v011 = real(voxels[2 * (n + r)]), real(voxels[2 * (n + r) + 1])
            v100, v101 = real(voxels[2 * (2 * n + r)]), real(voxels[2 * (2 * n + r) + 1])
            v110, v111 = real(voxels[2 * (3 * n + r)]), real(voxels[2 * (3 * n + r) + 1])
            d00, d01, d10, d11 = v001 - v000, v011 - v010, v101 - v100, v111 - v110
            c00, c01, c10, c11 = v000 + fk * d00, v010 + fk * d01, v100 + fk * d10, v110 + fk * d11
            e0, e1 = c01 - c00, c11 - c10
            b0, b1 = c00 + fj * e0, c10 + fj * e1
            state[_SUM * n + r] += b0 + fi * (b1 - b0)
            if with_gradient:
                f0, f1 = d00 + fj * (d01 - d00), d10 + fj * (d11 - d10)
                by_i, by_j, by_k = b1 - b0, e0 + fi * (e1 - e0), f0 + fi * (f1 - f0)
                state[(_SUM + 1) * n + r] += by_i
                state[(_SUM + 2) * n + r] += by_j
                state[(_SUM + 3) * n + r] += by_k
                state[(_SUM + 4) * n + r] += real(step) * by_i
                state[(_SUM + 5) * n + r] += real(step) * by_j
                state[(_SUM + 6) * n + r] += real(step) * by_k
