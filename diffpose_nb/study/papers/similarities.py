"""xvr's similarity, and DiffPose's beside it, as functions of whole images."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from diffdrr.metrics import Sobel
from torch import Tensor
from torch.nn.functional import max_pool2d

from ...similarity import multiscale_ncc
from ...similarity.patches import patch_ncc


def patch_gradient_ncc(image: Tensor, target: Tensor, patch: int = 11, valid: Tensor | None = None) -> Tensor:
    """NCC of the edges of two images, patch by patch: the mean over all patches and over both directions, (...).

    Parameters
    ----------
    image, target
        (..., rows, columns) and (rows, columns).
    patch
        Side of a patch, pixels.
    valid
        (rows, columns) bool; a patch is left out if the filter at one of its pixels reaches an invalid one.
    """
    valid = torch.ones(target.shape, dtype=torch.bool) if valid is None else valid
    outside = torch.nn.functional.pad((~valid)[None].float(), [1] * 4, value=1.0)
    inner = max_pool2d(outside, 3, 1)[0] == 0
    sobel = Sobel(0.0)
    x, y = (sobel(values.reshape(-1, 1, *target.shape).float()) for values in (image, target))
    each = [patch_ncc(x[:, axis], y[0, axis], patch, valid=inner).mean(-1) for axis in (0, 1)]
    return (each[0] + each[1]).reshape(image.shape[:-2]) / 2


def gmncc(image: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """xvr's similarity: the mean of the multiscale NCC, with patches of 9 pixels, and of the edges' NCC, with 11.

    Source: xvr, ``register/losses/gmncc.py``, with its default values. Pixels at the border of the image are left out,
    see :func:`diffpose_nb.similarity.gradient_ncc`.
    """
    multiscale = multiscale_ncc(image, target, (None, 9), valid=valid)
    return 0.5 * multiscale + 0.5 * patch_gradient_ncc(image, target, 11, valid)


SIMILARITIES: Mapping = MappingProxyType(
    {
        "xvr's": lambda image, target, valid: gmncc(image, target, valid),
        "DiffPose's": lambda image, target, valid: multiscale_ncc(image, target, valid=valid),
    }
)
"""Name → function of image, target and valid pixels; a larger value is better."""
