"""Random changes that make DRRs look like X-rays, so that the network does not rely on what differs between the two.

The changes are drawn anew for every picture. Their physics is crude on purpose. None of it is taken from
:mod:`diffpose_nb.simulate`, because the network is tested on the X-rays of that package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from ..similarity import EPS
from .shadows import coordinates, draw_background, draw_instruments

Range = tuple[float, float]
_ROUND: Range = (0.75, 1.05)
"""Diameter of a round field, as a share of the picture's width."""
_OFF = 0.04
"""Largest distance of a round field's centre from the picture's, along each axis, in halves of the picture's width."""


@dataclass(frozen=True)
class Augmentation:
    """Ranges from which the changes of each picture are drawn uniformly. ``Augmentation.none()`` changes nothing.

    The last five are for X-rays that differ from DRRs of the CT by more than their grey values. They are off by
    default. For a small round field in which instruments may be, with a CT that is shorter than the field,
    ``Augmentation(round_field=0.7, instruments=0.3, continuation=0.8, cut=15)`` is a beginning. A CT that contains one
    bone alone, with zero around it, needs ``background=1``.

    Parameters
    ----------
    contrast
        Factor on the line integrals.
    scatter
        Ratio of scattered to unscattered signal.
    photons
        Number of photons per pixel in the open beam; its logarithm is drawn uniformly.
    sharpness
        -1 blurs by about a pixel, 0 changes nothing, and 1 sharpens by the same amount.
    gamma
        Logarithm of the exponent of a curve that is applied to the grey values.
    field
        Width of the collimator's field as a share of the picture's width; above 1.42 nothing is covered.
    cutouts
        Largest number of rectangles that show nothing, as if labels or instruments covered the picture there.
    round_field
        Probability that the field is round, as that of an image intensifier is, with a diameter of 0.75 to 1.05 of the
        picture's width.
    instruments
        Probability that there are instruments or implants in the beam: rods, wires, screws, clamps and discs.
    background
        Probability that the shadows of tissue and of other bones are added, for a CT of a part of the patient.
    continuation
        Probability that a DRR is rendered from a CT that is continued beyond its first and last slice, see
        :mod:`diffpose_nb.train.ends`.
    cut
        Before the CT is continued, 0 to so many mm of it are cut away at each end.

    Raises
    ------
    ValueError
        A probability is not within 0 to 1, or ``cut`` is negative.
    """

    contrast: Range = (0.8, 1.2)
    scatter: Range = (0.0, 0.8)
    photons: Range = (3e4, 3e6)
    sharpness: Range = (-1.0, 0.8)
    gamma: Range = (-0.3, 0.3)
    field: Range = (0.75, 1.2)
    cutouts: int = 2
    round_field: float = 0.0
    instruments: float = 0.0
    background: float = 0.0
    continuation: float = 0.0
    cut: float = 0.0

    def __post_init__(self) -> None:
        for name in ("round_field", "instruments", "background", "continuation"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}: a probability is within 0 to 1")
        if not 0 <= self.cut < math.inf:
            raise ValueError(f"cut is {self.cut}: it is a number of mm, 0 or more")

    @classmethod
    def none(cls) -> Augmentation:
        """An augmentation that changes nothing."""
        same = (0.0, 0.0)
        return cls((1.0, 1.0), same, (math.inf, math.inf), same, same, (9.0, 9.0), 0)

    def __call__(self, images: Tensor, valid: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Change line integrals (B, 1, rows, columns) and the mask of their valid pixels (bool); returns both.

        ``continuation`` and ``cut`` do nothing here; they change how a :class:`Pool` renders.
        """

        def draw(limits: Range) -> Tensor:
            low, high = limits
            if low == high:
                return images.new_full((len(images), 1, 1, 1), low)
            return low + (high - low) * torch.rand(len(images), 1, 1, 1, generator=generator)

        integrals = images * draw(self.contrast)
        if self.background:
            integrals = integrals + draw_background(len(images), self.background, generator).shadow(images.shape[-2:])
        if self.instruments:
            metal = draw_instruments(len(images), self.instruments, generator)
            integrals = integrals + metal.shadow(len(images), images.shape[-2:])
        integrals = self._detected(integrals, draw(self.scatter), self.photons, draw, generator)
        integrals = integrals + draw(self.sharpness) * (integrals - _blurred(integrals))
        integrals = _curved(integrals, valid, draw(self.gamma).exp())
        valid = valid & _field(images, draw(self.field), generator)
        for _ in range(self.cutouts):
            valid = valid & ~_rectangle(images, generator)
        if self.round_field:
            valid = valid & _round_field(images, self.round_field, generator)
        return integrals, valid

    @staticmethod
    def _detected(integrals: Tensor, scatter: Tensor, photons: Range, draw, generator: torch.Generator) -> Tensor:
        """The line integrals (negative logarithms) of a signal to which scatter and noise were added."""
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
    """Raise grey values to a power, after scaling their valid range to 0 to 1; the range stays the same."""
    if (exponent == 1).all():
        return integrals
    low = torch.where(valid, integrals, torch.inf).amin((-2, -1), keepdim=True)
    high = torch.where(valid, integrals, -torch.inf).amax((-2, -1), keepdim=True)
    share = ((integrals - low) / (high - low).clamp(min=EPS)).clamp(0, 1)
    return low + (high - low) * share**exponent


def _field(images: Tensor, width: Tensor, generator: torch.Generator) -> Tensor:
    """True inside the collimator's field: a random octagon, circle or rectangle, a little off the centre."""
    down, across = coordinates(images.shape[-2:])
    shape = torch.randint(3, (len(images), 1, 1, 1), generator=generator)
    aspect, y, x = (torch.rand(len(images), 1, 1, 1, generator=generator) for _ in range(3))
    down, across = (down - 0.2 * (y - 0.5)).abs(), (across - 0.2 * (x - 0.5)).abs()
    rectangle = torch.maximum(down * (1 + 0.3 * aspect), across)
    octagon = torch.maximum(torch.maximum(down, across), (down + across) / math.sqrt(2))
    circle = (down.square() + across.square()).sqrt()
    return torch.where(shape == 0, octagon, torch.where(shape == 1, circle, rectangle)) <= width


def _rectangle(images: Tensor, generator: torch.Generator) -> Tensor:
    """True inside a random rectangle, up to a third of the width and height, which half of the pictures have."""
    down, across = coordinates(images.shape[-2:])
    y, x, height, width, there = (torch.rand(len(images), 1, 1, 1, generator=generator) for _ in range(5))
    inside = ((down - (2 * y - 1)).abs() < height / 3) & ((across - (2 * x - 1)).abs() < width / 3)
    return inside & (there < 0.5)


def _round_field(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """True inside the round field that some of the pictures have; all of the others is True."""
    down, across = coordinates(images.shape[-2:])
    there, width, y, x = (torch.rand(len(images), 1, 1, 1, generator=generator) for _ in range(4))
    low, high = _ROUND
    distance = (down - _OFF * (2 * y - 1)).square() + (across - _OFF * (2 * x - 1)).square()
    return (there >= probability) | (distance <= (low + (high - low) * width).square())
