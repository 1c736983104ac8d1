"""Filters that ignore pixels behind the collimator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

_EPS = 1e-5
"""Small number that keeps divisors above 0."""


def smooth_inside(image: np.ndarray, valid: np.ndarray, sigma: float | np.ndarray) -> np.ndarray:
    """A Gaussian blur that ignores invalid pixels, for example NaN."""
    return smoother(valid, sigma)(image)


def smoother(valid: np.ndarray, sigma: float | np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """:func:`smooth_inside` as a function of the image, for several images with the same valid pixels."""
    weight = np.maximum(ndimage.gaussian_filter(valid.astype(float), sigma), 1e-6)
    return lambda image: ndimage.gaussian_filter(np.where(valid, image, 0), sigma) / weight


_NEIGHBOURHOODS = 6
"""Number of neighbourhoods across a picture; local contrast is measured over the width of one of them."""
_FLAT = 0.3
"""Fraction of the whole picture's standard deviation. Regions with a smaller deviation contain only noise, so it is
added to the local deviation to keep the noise small."""


def local_contrast(integrals: Tensor, valid: Tensor) -> Tensor:
    """Normalise local contrast: mean 0 and standard deviation 1 around every valid pixel, and 0 at invalid pixels.

    Scatter, beam hardening and a vendor's curve change the grey values slowly across a picture, and a network that sees
    these values learns to rely on them. Normalising removes the slow changes; the edges of the anatomy stay where they
    are.

    Parameters
    ----------
    integrals, valid
        Line integrals, and a mask that is True at valid pixels; (B, 1, rows, columns) each. Values at invalid pixels do
        not matter.

    Returns
    -------
    Tensor
        (B, 1, rows, columns). The result is the same for a · integrals + b, with any offset b and any positive a.
    """
    weight = valid.to(integrals.dtype)
    shape = integrals.shape[-2:]
    few = [max(1, round(4 * _NEIGHBOURHOODS * size / max(shape))) for size in shape]

    def blurred(values: Tensor) -> Tensor:
        """Blur over a neighbourhood, in a smaller picture in which a neighbourhood is about four pixels wide."""
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
