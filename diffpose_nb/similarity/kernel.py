"""The compiled sums over patches: they are read from memory once, whatever the number of images."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def sum_up(stack, worth, patch, stride, where, across, covariance):
    """Write the covariances of patches, see :func:`diffpose_nb.similarity.covariances.patch_covariances`."""
    begins = _first_of_each_row(stack, patch, stride, where, across)
    for down in prange(len(begins) - 1):
        _sum_up_row(stack, worth, patch, stride, where, across, covariance, down, begins[down], begins[down + 1])


@njit(fastmath=True, cache=True, nogil=True)
def sum_up_at_once(stack, worth, patch, stride, where, across, covariance):
    """The same in one thread, for few images: it is done before a second thread has woken up."""
    begins = _first_of_each_row(stack, patch, stride, where, across)
    for down in range(len(begins) - 1):
        _sum_up_row(stack, worth, patch, stride, where, across, covariance, down, begins[down], begins[down + 1])


@njit
def _first_of_each_row(stack, patch, stride, where, across):
    """Where in the list of patches those of each row of patches begin, and where the last ones end."""
    return np.searchsorted(where, across * np.arange((stack.shape[1] - patch) // stride + 2))


@njit(fastmath=True)
def _sum_up_row(stack, worth, patch, stride, where, across, covariance, down, begin, end):
    """Patches of one row of patches are summed up together: first down the columns, then across."""
    if begin == end:
        return
    channels = len(stack)
    top, left = down * stride, where[begin] % across * stride
    width = where[end - 1] % across * stride + patch - left
    strip, weighted = np.empty((channels, patch, width)), np.empty((channels, patch, width))
    lines = np.zeros((1 + channels + channels * (channels + 1) // 2, width))  # sums over the rows of the strip
    for y in range(patch):
        for x in range(width):
            lines[0, x] += worth[top + y, left + x]
    n = 1
    for i in range(channels):
        mean = 0.0  # is taken off, so that the difference below loses no precision
        for y in range(patch):
            for x in range(width):
                mean += stack[i, top + y, left + x]
        mean /= patch * width
        for y in range(patch):
            for x in range(width):
                strip[i, y, x] = stack[i, top + y, left + x] - mean
                weighted[i, y, x] = worth[top + y, left + x] * strip[i, y, x]
                lines[n, x] += weighted[i, y, x]
        n += 1
    for i in range(channels):
        for j in range(i, channels):
            for y in range(patch):
                for x in range(width):
                    lines[n, x] += weighted[i, y, x] * strip[j, y, x]
            n += 1
    sums = np.empty(len(lines))
    for number in range(begin, end):
        start = where[number] % across * stride - left
        for n in range(len(lines)):
            total = 0.0
            for x in range(start, start + patch):
                total += lines[n, x]
            sums[n] = total
        whole = max(sums[0], 1e-12)
        n = 1 + channels
        for i in range(channels):
            for j in range(i, channels):
                value = (sums[n] - sums[1 + i] * sums[1 + j] / whole) / whole
                covariance[number, i, j] = covariance[number, j, i] = value
                n += 1
