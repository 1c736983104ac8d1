"""Which pixels of an X-ray to compare: only near some bones, or only a sample of patches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ..camera import Camera
from ..render import Renderer

if TYPE_CHECKING:
    import torchio

Score = Callable[[Tensor], Tensor]
"""A function of an X-ray (rows, columns), as line integrals. It returns (rows, columns) numbers, 0 or more, that say
how useful each pixel may be for the comparison."""
_COARSE = (3.0, 3.0)
"""Size of the CT's blocks and step along a ray, mm. This is fine enough for the outline of a shadow."""


def shadow(
    subject: torchio.Subject,
    camera: Camera,
    world_from_camera: Tensor,
    structures: Sequence[str | int],
    margin: int = 0,
) -> Tensor:
    """The pixels in which structures of the label map are seen.

    Parameters
    ----------
    structures
        Names or numbers of labels.
    margin
        Number of pixels by which the shadow is widened on every side.

    Returns
    -------
    Tensor
        (rows, columns) bool.
    """
    voxel, step = _COARSE
    renderer = Renderer(subject, camera, structures=structures, voxel=voxel, step=step)
    seen = (renderer(world_from_camera)[0] > 0).any(0)
    if margin:
        seen = torch.from_numpy(ndimage.binary_dilation(seen.numpy(), np.ones((2 * margin + 1,) * 2)))
    return seen


def sample(valid: Tensor, patch: int, stride: int, number: int, weights: Tensor | None = None, seed: int = 0) -> Tensor:
    """The pixels of some patches, which are drawn without replacement.

    Parameters
    ----------
    valid
        (rows, columns) bool; only patches whose pixels are all valid are drawn.
    patch, stride
        Side of a patch and distance from one patch to the next, pixels.
    number
        Number of patches to draw; all of them if there are fewer.
    weights
        (rows, columns) weights, 0 or more. The chance of a patch is proportional to the sum of the weights in it. None:
        all patches have the same chance.
    seed
        Seed of the draw. The same seed draws the same patches.

    Returns
    -------
    Tensor
        (rows, columns) bool: True for the pixels of the patches that were drawn.

    Raises
    ------
    ValueError
        No patch lies within ``valid``, or weights are negative or not finite.
    """
    chance = torch.ones(valid.shape, dtype=torch.float64) if weights is None else weights.to(torch.float64)
    if chance.shape != valid.shape or not torch.isfinite(chance).all() or (chance < 0).any():
        raise ValueError(f"weights have to be {tuple(valid.shape)} finite numbers, 0 or more")
    whole = avg_pool2d(valid[None].double(), patch, stride)[0] == 1
    chance = torch.where(whole, avg_pool2d(chance[None], patch, stride)[0], 0.0)
    possible = int((chance > 0).sum())
    if possible == 0:
        raise ValueError(f"no patch of {patch} x {patch} pixels lies within the valid part of the image")
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.multinomial(chance.flatten(), min(number, possible), generator=generator)
    mask = torch.zeros_like(valid)
    for n in chosen.tolist():
        top, left = stride * (n // chance.shape[1]), stride * (n % chance.shape[1])
        mask[top : top + patch, left : left + patch] = True
    return mask
