"""Filters to which pixels behind the collimator contribute nothing."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

_EPS = 1e-5
"""Added where a variance may be 0."""


def smooth_inside(image: np.ndarray, valid: np.ndarray, sigma: float | np.ndarray) -> np.ndarray:
    """A Gaussian blur to which invalid pixels, NaN for instance, contribute nothing."""
    weight = ndimage.gaussian_filter(valid.astype(float), sigma)
    return ndimage.gaussian_filter(np.where(valid, image, 0), sigma) / np.maximum(weight, 1e-6)


_NEIGHBOURHOODS = 6
"""Across a picture: the width over which its local contrast is measured."""
_FLAT = 0.3
"""Of the whole picture's deviation: where there is less, there is nothing but noise."""


def local_contrast(integrals: Tensor, valid: Tensor) -> Tensor:
    """Local contrast: mean 0 and standard deviation 1 around every valid pixel, 0 elsewhere.

    Scatter, beam hardening and a vendor's curve change the greys slowly across a picture, and a network that may look
    at them relies on them; the anatomy's edges stay where they are.

    Parameters
    ----------
    integrals, valid
        (B, 1, rows, columns); what is not valid may be anything.

    Returns
    -------
    Tensor
        (B, 1, rows, columns), the same for a integrals + b.
    """
    weight = valid.to(integrals.dtype)
    shape = integrals.shape[-2:]
    few = [max(1, round(4 * _NEIGHBOURHOODS * size / max(shape))) for size in shape]

    def blurred(values: Tensor) -> Tensor:
        """Over a neighbourhood, by way of a smaller picture, in which one is about four pixels wide."""
        values = interpolate(values, few, mode="area")
        for _ in range(2):
            values = avg_pool2d(values, 5, 1, 2)
        return interpolate(values, shape, mode="bilinear")

    near = blurred(weight).clamp(min=_EPS)
    values = torch.where(valid, integrals, 0.0)
    values = torch.where(valid, values - values.sum((-2, -1), keepdim=True) / weight.sum((-2, -1), keepdim=True), 0.0)
    detail = torch.where(valid, values - blurred(values) / near, 0.0)
    variance = blurred(detail.square()) / near
    overall = detail.square().sum((-2, -1), keepdim=True) / weight.sum((-2, -1), keepdim=True)
    return detail / (variance + (_FLAT**2) * overall + _EPS**2).sqrt()
