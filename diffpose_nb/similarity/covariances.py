"""The covariances between images within every patch: the sums of which local NCC and its derivatives consist."""

from __future__ import annotations

import numpy as np
import torch
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
    from .kernel import sum_up, sum_up_at_once

    channels, _, columns = stack.shape
    covariance = np.empty((len(where), channels, channels))
    weights = np.ones(stack.shape[1:]) if worth is None else worth.to(torch.float64).contiguous().numpy()
    across = (columns - patch) // stride + 1
    compiled = sum_up if channels > 2 else sum_up_at_once
    with KERNEL_LOCK:
        compiled(stack.contiguous().numpy(), weights, patch, stride, where.numpy(), across, covariance)
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
