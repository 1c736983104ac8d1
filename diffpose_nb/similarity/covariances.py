"""The covariances between images within every patch: the sums of which local NCC and its derivatives consist."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ..runtime import KERNEL_LOCK


def patch_covariances(stack: Tensor, worth: Tensor | None, patch: int, stride: int, where: Tensor) -> Tensor:
    r"""Covariances (P, C, C) between the images of a stack in P patches.

    .. math:: c_{ij} = \frac{\sum w\,x_i x_j}{\sum w} - \frac{\sum w\,x_i}{\sum w}\,\frac{\sum w\,x_j}{\sum w}

    Parameters
    ----------
    stack
        (C, rows, columns) float64, the images :math:`x_i`.
    worth
        (rows, columns), the weights w of the pixels. Default 1.
    patch, stride
        Side of a patch and distance from one patch to the next, pixels.
    where
        (P,) the numbers of the patches among all that fit into the image, row by row, in ascending order.
    """
    if stack.requires_grad:  # autograd does not see through compiled code
        return _by_pooling(stack, worth, patch, stride)[where]
    channels, _, columns = stack.shape
    covariance = np.empty((len(where), channels, channels))
    weights = np.ones(stack.shape[1:]) if worth is None else worth.to(torch.float64).numpy()
    across = (columns - patch) // stride + 1
    sum_up = _covariances if channels > 2 else _of_two_images
    with KERNEL_LOCK:
        sum_up(stack.contiguous().numpy(), weights, patch, stride, where.numpy(), across, covariance)
    return torch.from_numpy(covariance)


def _by_pooling(stack: Tensor, worth: Tensor | None, patch: int, stride: int) -> Tensor:
    """:func:`patch_covariances` of all patches, for autograd."""
    worth = torch.ones_like(stack[0]) if worth is None else worth
    stack = stack - stack.mean((1, 2), keepdim=True)  # so that the difference below loses no precision
    channels = len(stack)
    products = (stack[:, None] * stack).flatten(0, 1)
    pooled = avg_pool2d(torch.cat([worth * stack, worth * products, worth[None]])[None], patch, stride)[0].flatten(1)
    means = pooled[:-1] / pooled[-1].clamp(min=1e-12)
    mean, product = means[:channels].mT, means[channels:].mT.reshape(-1, channels, channels)
    return product - mean[:, :, None] * mean[:, None, :]


def _patch_row_by_row(stack, worth, patch, stride, where, across, covariance):
    """Patches of one row of patches are summed up together: first down the columns, then across."""
    channels, rows, _ = stack.shape
    begins = np.searchsorted(where, across * np.arange((rows - patch) // stride + 2))
    for down in prange(len(begins) - 1):
        begin, end = begins[down], begins[down + 1]
        if begin == end:
            continue
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


_covariances = njit(parallel=True, fastmath=True, cache=True, nogil=True)(_patch_row_by_row)
_of_two_images = njit(fastmath=True, cache=True, nogil=True)(_patch_row_by_row)
"""Done before a second thread has woken up."""
