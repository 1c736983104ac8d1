"""The compiled inner loop of :mod:`diffpose_nb.simulate.bending`: where points were at rest, and what was there."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from ..runtime import KERNEL_LOCK


def at_rest(points: np.ndarray, curvature: float, twist: float) -> np.ndarray:
    r"""Where points of a bent beam were at rest, both (N, 3) float64, mm.

    Coordinates are :math:`(x, y, z)` towards the side of the bend, across it, and along the beam; ``curvature`` and
    ``twist`` are in radians per mm. The inverse of the bend,

    .. math:: z = \operatorname{atan2}(\kappa Z, 1 - \kappa X) / \kappa, \qquad
              x = \frac{2X - \kappa(X^2 + Z^2)}{1 + \sqrt{(1 - \kappa X)^2 + (\kappa Z)^2}}

    is written so that it loses no digits where :math:`\kappa` is small.
    """
    points = np.ascontiguousarray(points, np.float64)
    found = np.empty_like(points)
    with KERNEL_LOCK:
        _points(points, curvature, twist, found)
    return found


def resampled(
    hounsfield: np.ndarray,
    labels: np.ndarray,
    beam_from_new: np.ndarray,
    old_from_beam: np.ndarray,
    curvature: float,
    twist: float,
    shape: tuple[int, int, int],
    outside: float,
) -> tuple[np.ndarray, np.ndarray]:
    """A bent volume: Hounsfield units, linearly between voxels, and labels, of the nearest voxel.

    Parameters
    ----------
    hounsfield, labels
        (I, J, K) float32 and whole numbers, on one grid. ``labels`` may have the size 0: there are none.
    beam_from_new, old_from_beam
        (4, 4) from voxels of the new grid to the beam's coordinates, and from these to voxels of the old grid.
    curvature, twist
        As for :func:`at_rest`.
    shape
        The size of the new grid.
    outside
        Hounsfield units around the volume.
    """
    values = np.empty(shape, np.float32)
    found = np.zeros(shape if labels.size else (0, 0, 0), labels.dtype)
    matrices = (np.ascontiguousarray(one[:3], np.float64) for one in (beam_from_new, old_from_beam))
    with KERNEL_LOCK:
        _resample(hounsfield, labels, *matrices, curvature, twist, np.float32(outside), values, found)
    return values, found


@njit(cache=True)
def _rest(x, y, z, curvature, twist):
    if curvature != 0.0:
        aside, up = 1.0 - curvature * x, curvature * z
        x = (2.0 * x - curvature * (x * x + z * z)) / (1.0 + math.sqrt(aside * aside + up * up))
        z = math.atan2(up, aside) / curvature
    if twist != 0.0:
        sine, cosine = math.sin(-twist * z), math.cos(-twist * z)
        x, y = cosine * x - sine * y, sine * x + cosine * y
    return x, y, z


@njit(cache=True, nogil=True)
def _points(points, curvature, twist, found):
    for n in range(len(points)):
        found[n, 0], found[n, 1], found[n, 2] = _rest(points[n, 0], points[n, 1], points[n, 2], curvature, twist)


@njit(parallel=True, cache=True, nogil=True)
def _resample(hounsfield, labels, first, second, curvature, twist, outside, values, found):
    size_i, size_j, size_k = hounsfield.shape
    labelled = labels.size > 0
    for i in prange(values.shape[0]):
        for j in range(values.shape[1]):
            for k in range(values.shape[2]):
                x, y, z = _rest(
                    first[0, 0] * i + first[0, 1] * j + first[0, 2] * k + first[0, 3],
                    first[1, 0] * i + first[1, 1] * j + first[1, 2] * k + first[1, 3],
                    first[2, 0] * i + first[2, 1] * j + first[2, 2] * k + first[2, 3],
                    curvature,
                    twist,
                )
                at_i = second[0, 0] * x + second[0, 1] * y + second[0, 2] * z + second[0, 3]
                at_j = second[1, 0] * x + second[1, 1] * y + second[1, 2] * z + second[1, 3]
                at_k = second[2, 0] * x + second[2, 1] * y + second[2, 2] * z + second[2, 3]
                low_i, low_j, low_k = math.floor(at_i), math.floor(at_j), math.floor(at_k)
                if not (-1 <= low_i < size_i and -1 <= low_j < size_j and -1 <= low_k < size_k):
                    values[i, j, k] = outside
                    continue
                part_i, part_j, part_k = at_i - low_i, at_j - low_j, at_k - low_k
                total = 0.0
                for di in range(2):
                    a = low_i + di
                    share_i = part_i if di else 1.0 - part_i
                    for dj in range(2):
                        b = low_j + dj
                        share = share_i * (part_j if dj else 1.0 - part_j)
                        near = far = outside
                        if 0 <= a < size_i and 0 <= b < size_j:
                            if low_k >= 0:
                                near = hounsfield[a, b, low_k]
                            if low_k + 1 < size_k:
                                far = hounsfield[a, b, low_k + 1]
                        total += share * (near + part_k * (far - near))
                values[i, j, k] = total
                if labelled:
                    a, b, c = math.floor(at_i + 0.5), math.floor(at_j + 0.5), math.floor(at_k + 0.5)
                    if 0 <= a < size_i and 0 <= b < size_j and 0 <= c < size_k:
                        found[i, j, k] = labels[a, b, c]
