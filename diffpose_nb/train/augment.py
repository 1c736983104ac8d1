"""Making DRRs look like X-rays: what the network must not learn to rely on.

Everything is drawn anew for every picture. The physics is crude on purpose, and none of it is that of
:mod:`diffpose_nb.simulate`, on whose X-rays the network is judged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from ..similarity import EPS

Range = tuple[float, float]


@dataclass(frozen=True)
class Augmentation:
    """Ranges from which each picture's changes are drawn, uniformly. ``Augmentation.none()`` changes nothing.

    Parameters
    ----------
    contrast
        Factor on the line integrals.
    scatter
        Scattered over unscattered signal.
    photons
        A pixel, in the open beam; their logarithm is uniform.
    sharpness
        From -1, blurred by about a pixel, over 0, unchanged, to 1, as much sharper.
    gamma
        The logarithm of the exponent of a curve over the grey values.
    field
        Of the collimator, its width as a share of the picture's; over 1.42 it is open.
    cutouts
        At most so many rectangles that show nothing, such as labels and instruments.
    """

    contrast: Range = (0.8, 1.2)
    scatter: Range = (0.0, 0.8)
    photons: Range = (3e4, 3e6)
    sharpness: Range = (-1.0, 0.8)
    gamma: Range = (-0.3, 0.3)
    field: Range = (0.75, 1.2)
    cutouts: int = 2

    @classmethod
    def none(cls) -> Augmentation:
        """No change at all."""
        same = (0.0, 0.0)
        return cls((1.0, 1.0), same, (math.inf, math.inf), same, same, (9.0, 9.0), 0)

    def __call__(self, images: Tensor, valid: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Line integrals (B, 1, rows, columns) and what is valid of them (bool), changed."""

        def draw(limits: Range) -> Tensor:
            low, high = limits
            if low == high:
                return images.new_full((len(images), 1, 1, 1), low)
            return low + (high - low) * torch.rand(len(images), 1, 1, 1, generator=generator)

        integrals = images * draw(self.contrast)
        integrals = self._detected(integrals, draw(self.scatter), self.photons, draw, generator)
        integrals = integrals + draw(self.sharpness) * (integrals - _blurred(integrals))
        integrals = _curved(integrals, valid, draw(self.gamma).exp())
        valid = valid & _field(images, draw(self.field), generator)
        for _ in range(self.cutouts):
            valid = valid & ~_rectangle(images, generator)
        return integrals, valid

    @staticmethod
    def _detected(integrals: Tensor, scatter: Tensor, photons: Range, draw, generator: torch.Generator) -> Tensor:
        """The logarithm of a signal with scatter and noise."""
        signal = (-integrals).exp()
        if scatter.any():
            veil = interpolate(avg_pool2d(signal, max(signal.shape[-2:]) // 4), signal.shape[-2:], mode="bilinear")
            signal = signal + scatter * veil
        if math.isfinite(photons[1]):
            count = draw((math.log(photons[0]), math.log(photons[1]))).exp()
            signal = signal + (signal / count).sqrt() * torch.randn(signal.shape, generator=generator)
            signal = torch.maximum(signal, 1 / count)
        return -signal.log()


def _blurred(images: Tensor) -> Tensor:
    return avg_pool2d(torch.nn.functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)


def _curved(integrals: Tensor, valid: Tensor, exponent: Tensor) -> Tensor:
    """The valid grey values, from their least to their greatest, raised to a power."""
    if (exponent == 1).all():
        return integrals
    low = torch.where(valid, integrals, torch.inf).amin((-2, -1), keepdim=True)
    high = torch.where(valid, integrals, -torch.inf).amax((-2, -1), keepdim=True)
    share = ((integrals - low) / (high - low).clamp(min=EPS)).clamp(0, 1)
    return low + (high - low) * share**exponent


def _coordinates(images: Tensor) -> tuple[Tensor, Tensor]:
    """Down and across, from -1 to 1 from edge to edge."""
    rows, columns = images.shape[-2:]
    down = (2 * torch.arange(rows) + 1) / rows - 1
    across = (2 * torch.arange(columns) + 1) / columns - 1
    return down[:, None], across[None, :]


def _field(images: Tensor, width: Tensor, generator: torch.Generator) -> Tensor:
    """Octagons, circles and rectangles, a little off the centre."""
    down, across = _coordinates(images)
    shape = torch.randint(3, (len(images), 1, 1, 1), generator=generator)
    aspect, y, x = (torch.rand(len(images), 1, 1, 1, generator=generator) for _ in range(3))
    down, across = (down - 0.2 * (y - 0.5)).abs(), (across - 0.2 * (x - 0.5)).abs()
    rectangle = torch.maximum(down * (1 + 0.3 * aspect), across)
    octagon = torch.maximum(torch.maximum(down, across), (down + across) / math.sqrt(2))
    circle = (down.square() + across.square()).sqrt()
    return torch.where(shape == 0, octagon, torch.where(shape == 1, circle, rectangle)) <= width


def _rectangle(images: Tensor, generator: torch.Generator) -> Tensor:
    """In half of the pictures, up to a third of their width and height."""
    down, across = _coordinates(images)
    y, x, height, width, there = (torch.rand(len(images), 1, 1, 1, generator=generator) for _ in range(5))
    inside = ((down - (2 * y - 1)).abs() < height / 3) & ((across - (2 * x - 1)).abs() < width / 3)
    return inside & (there < 0.5)
