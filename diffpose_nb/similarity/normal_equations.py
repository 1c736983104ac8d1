"""Normalised cross-correlation as a least-squares cost: value, gradient and Gauss-Newton matrix for the pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from .covariances import patch_covariances
from .patches import pooled

Weighting = Literal["uniform", "contrast", "deviation", "both"]
_CONTRAST = 0.02
"""With the weighting "contrast", a patch in which the target's standard deviation is less than this gets little weight;
in units of the line integral."""
_LEAST = 0.25
"""A patch whose pixels are worth less than this on average is left out."""


class NothingToCompareError(ValueError):
    """No pixel, or no patch, is left that may be compared."""


@dataclass(frozen=True)
class NormalEquations:
    """A cost, its gradient and its Gauss-Newton matrix with respect to the six degrees of freedom of a pose."""

    cost: Tensor
    gradient: Tensor
    hessian: Tensor

    def __add__(self, other: NormalEquations) -> NormalEquations:
        return NormalEquations(self.cost + other.cost, self.gradient + other.gradient, self.hessian + other.hessian)

    def gain(self, step: Tensor) -> float:
        r"""By how much a step :math:`\delta` lowers the cost, if it is as it is here,
        :math:`-g^\top\delta - \delta^\top H\delta / 2`."""
        return -(self.gradient @ step + step @ self.hessian @ step / 2).item()


def ncc_normal_equations(
    image: Tensor,
    jacobian: Tensor,
    target: Tensor,
    patch: int | None = None,
    stride: int = 1,
    valid: Tensor | None = None,
    weighting: Weighting = "uniform",
    worth: Tensor | None = None,
) -> NormalEquations:
    r"""The cost 1 - ncc, averaged over patches, with its gradient g and its Gauss-Newton matrix H.

    With J the derivative images, W the patches' weights, and :math:`s_r^2 = c_{rr}`, :math:`s_t^2 = c_{tt}`,

    .. math::
        g = -\frac{1}{\sum W}\sum W\left(\frac{c_{tJ}}{s_r s_t} - \mathrm{ncc}\,\frac{c_{rJ}}{c_{rr}}\right),\qquad
        H = \frac{1}{\sum W}\sum \frac{W}{c_{rr}}\left(c_{JJ} - \frac{c_{rJ} c_{rJ}^\top}{c_{rr}}\right)

    Parameters
    ----------
    jacobian
        (D, rows, columns) derivatives of ``image`` with respect to the D parameters.
    image, target, patch, stride, valid, weighting
        As for :func:`local_ncc`.
    worth
        (rows, columns) from 0 to 1: how much each pixel counts. Means and covariances of a patch are then weighted, and
        the patch counts as much as its pixels do on average. It is held constant: it has no derivatives. Default 1.

    Raises
    ------
    ValueError
        No patch fits into the image, or none is free of invalid pixels.
    """
    return patch_equations(image, jacobian, target, patch, stride, valid, weighting, worth).mean()


@dataclass(frozen=True)
class PatchEquations:
    """What each of P patches says of the pose, before they are averaged.

    Parameters
    ----------
    weight
        (P,) how much each patch counts; their sum is 1.
    cost
        (P,) 1 - ncc of each patch.
    gradient, hessian
        (P, D) and (P, D, D): derivatives of ``cost``, and its Gauss-Newton matrix.
    where
        (P,) the number of each patch among all that fit into the image, row by row.
    """

    weight: Tensor
    cost: Tensor
    gradient: Tensor
    hessian: Tensor
    where: Tensor

    def mean(self, factors: Tensor | None = None) -> NormalEquations:
        """The weighted mean over the patches. ``factors`` (P,) multiply the weights."""
        weight = self.weight if factors is None else self.weight * factors
        weight = weight / weight.sum()
        return NormalEquations(
            weight @ self.cost, weight @ self.gradient, torch.einsum("p,pij->ij", weight, self.hessian)
        )


def patch_equations(
    image: Tensor,
    jacobian: Tensor,
    target: Tensor,
    patch: int | None = None,
    stride: int = 1,
    valid: Tensor | None = None,
    weighting: Weighting = "uniform",
    worth: Tensor | None = None,
    slanted: bool = False,
) -> PatchEquations:
    """As :func:`ncc_normal_equations`, but patch by patch.

    With ``slanted``, the target is the image plus a plane, which may lie differently in every patch: a background that
    is unknown but smooth. NCC alone allows only for a constant one.
    """
    ramps = [torch.stack(torch.meshgrid(*map(torch.arange, image.shape), indexing="ij"))] if slanted else []
    stack = torch.cat([image[None], target[None], jacobian, *ramps]).to(torch.float64)
    covariance, share, where = _covariances(stack, patch, stride, valid, worth)
    if slanted:
        inner, outer, across = covariance[:, :-2, :-2], covariance[:, -2:, -2:], covariance[:, :-2, -2:]
        covariance = inner - across @ torch.linalg.solve(outer + 1e-6 * torch.eye(2).double(), across.mT)
    rr, tt, rt = covariance[:, 0, 0], covariance[:, 1, 1], covariance[:, 0, 1]
    # a patch of pure air has no variance: it counts as uncorrelated, so that nothing is divided by zero
    rr = rr.clamp(min=1e-6 * rr.mean().item() + 1e-30)
    tt = tt.clamp(min=1e-6 * tt.mean().item() + 1e-30)
    ncc = rt / (rr * tt).sqrt()
    weight = {
        "uniform": torch.ones_like(tt),
        "contrast": tt / (tt + _CONTRAST**2),
        "deviation": tt.sqrt(),
        "both": (tt * rr).pow(0.25),
    }[weighting]
    weight = weight * share
    weight = weight / weight.sum()

    r_j, t_j, j_j = covariance[:, 0, 2:], covariance[:, 1, 2:], covariance[:, 2:, 2:]
    slope = t_j / (rr * tt).sqrt()[:, None] - (ncc / rr)[:, None] * r_j
    curvature = j_j - r_j[:, :, None] * r_j[:, None, :] / rr[:, None, None]
    return PatchEquations(weight, 1 - ncc, -slope, curvature / rr[:, None, None], where)


def gradient_ncc_normal_equations(
    image: Tensor, jacobian: Tensor, target: Tensor, valid: Tensor | None = None, worth: Tensor | None = None
) -> NormalEquations:
    """:func:`ncc_normal_equations` of the images' central differences, over the whole image.

    The results for the vertical and for the horizontal differences are averaged.
    """
    stack = torch.cat([image[None], target[None], jacobian])
    inner = None
    if valid is not None:
        inner = valid[1:-1, 1:-1] & valid[2:, 1:-1] & valid[:-2, 1:-1] & valid[1:-1, 2:] & valid[1:-1, :-2]
    inner_worth = None if worth is None else -max_pool2d(-worth[None], 3, 1)[0]
    down, across = stack[:, 2:, 1:-1] - stack[:, :-2, 1:-1], stack[:, 1:-1, 2:] - stack[:, 1:-1, :-2]
    both = [ncc_normal_equations(d[0], d[2:], d[1], valid=inner, worth=inner_worth) for d in (down, across)]
    total = both[0] + both[1]
    return NormalEquations(total.cost / 2, total.gradient / 2, total.hessian / 2)


def _covariances(
    stack: Tensor, patch: int | None, stride: int, valid: Tensor | None, worth: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Covariances (P, C, C) between the images of a stack (C, rows, columns) over P patches.

    And the mean worth (P,) of the pixels of each patch, and its number (P,) among all that fit into the image.
    """
    if patch is None:
        pixels = stack.flatten(1) if valid is None else stack[:, valid]
        if pixels.shape[1] == 0:
            raise NothingToCompareError("no pixel is valid: the mask leaves nothing to compare")
        share = torch.ones(pixels.shape[1], dtype=torch.float64)
        if worth is not None:
            share = (worth.flatten() if valid is None else worth[valid]).to(torch.float64)
        if not share.any():
            raise NothingToCompareError("no valid pixel is worth anything: nothing is left to compare")
        share = share / share.sum()
        centred = pixels - (pixels @ share)[:, None]
        return ((centred * share) @ centred.mT)[None], share.new_ones(1), torch.zeros(1, dtype=torch.long)
    if patch > min(stack.shape[1:]):
        raise ValueError(f"no patch of {patch} x {patch} pixels fits into an image of {tuple(stack.shape[1:])}")
    share = torch.ones_like(stack[0]) if worth is None else worth.to(torch.float64)
    share = pooled(share, patch, stride).flatten()
    whole = share >= _LEAST
    if valid is not None:
        whole &= pooled((~valid).double(), patch, stride).flatten() == 0
    if not whole.any():
        raise NothingToCompareError(f"no patch of {patch} x {patch} pixels lies within the valid part of the image")
    where = whole.nonzero().squeeze(1)
    return patch_covariances(stack, worth, patch, stride, where), share[where], where
