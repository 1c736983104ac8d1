"""Shadows of what is not in the CT: instruments and implants, and the rest of the patient around a single bone.

They are drawn in the picture as sums of thick lines and smooth fields, and are added to the line integrals, as the
attenuation of anything else in the beam would be. Their shapes are crude on purpose: a network that has seen a few
hundred thousand of them does not rely on pixels that any of them could cover.

What is drawn at random and how it is applied are kept apart: :func:`draw_instruments` and :func:`draw_background` use
random numbers, and the ``shadow`` of what they return uses none. Lengths are in halves of a picture's width, and
positions go from -1 at one edge of the picture to 1 at the other; a point is (down, across).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

CORNERS = 4
"""Number of corners of a poly-line."""
MOST = 3
"""Largest number of instruments in a picture."""
KINDS = {
    "rod": ((0.5, 1.8), (0.022, 0.045), 0.15, (0.7, 5.0)),
    "wire": ((0.4, 2.5), (0.005, 0.015), 0.8, (0.3, 2.0)),
    "screw": ((0.2, 0.5), (0.02, 0.04), 0.0, (0.7, 4.0)),
    "clamp": ((0.8, 2.0), (0.02, 0.05), 0.4, (1.0, 6.0)),
    "disc": ((0.0, 0.0), (0.02, 0.10), 0.0, (0.5, 4.0)),
}
"""Kinds of instruments. Each has ranges of its length and its radius, both in halves of the picture's width, the bend
from one part of its line to the next, in radians (standard deviation), and a range of the line integral through its
middle. A rod of titanium, 6 mm thick, has a line integral of about 2, and one of steel 6, at 60 keV."""
_THINNEST = 0.7
"""Half the width of the thinnest line, in pixels. A thinner object is drawn as wide as this, and fainter."""


class Strokes(NamedTuple):
    """Thick poly-lines with soft edges. A line whose corners are all at one place is a disc.

    ``picture`` (N,) is the number of the picture that each belongs to, ``corners`` (N, C, 2) its corners, ``radius``
    (N,) half its width, and ``peak`` (N,) the line integral through its middle.
    """

    picture: Tensor
    corners: Tensor
    radius: Tensor
    peak: Tensor

    def shadow(self, number: int, shape: tuple[int, int]) -> Tensor:
        """The line integrals (number, 1, rows, columns), which are added to those of the patient.

        Across a line they are those of a round rod, the square root of 1 - (distance / radius)².
        """
        total = torch.zeros(number, *shape)
        if not len(self.picture):
            return total[:, None]
        radius = self.radius.clamp(min=_THINNEST * 2 / max(shape))
        peak = self.peak * self.radius / radius
        down, across = coordinates(shape)
        # one line after the other: the pixels of one fit the cache, those of all do not
        for picture, corners, half, middle in zip(self.picture.tolist(), self.corners, radius, peak, strict=True):
            distance = _squared_distance(corners, down, across)
            total[picture] += middle * (1 - distance / half.square()).clamp(min=0).sqrt()
        return total[:, None]


class Background(NamedTuple):
    """What surrounds a bone: tissue, whose thickness changes slowly, borders of organs, and other bones.

    ``there`` (B,) bool says which pictures have one. ``tissue`` (B, 1, 5, 5) and ``detail`` (B, 1, 18, 18) are line
    integrals at the corners of grids, which are interpolated. ``borders`` (B, K, 4) are straight soft edges: their
    angle, their distance from the picture's centre, their height and their softness. ``bones`` are wide, faint strokes.
    """

    there: Tensor
    tissue: Tensor
    detail: Tensor
    borders: Tensor
    bones: Strokes

    def shadow(self, shape: tuple[int, int]) -> Tensor:
        """The line integrals (B, 1, rows, columns)."""
        total = sum(interpolate(grid, shape, mode="bicubic", align_corners=True) for grid in (self.tissue, self.detail))
        down, across = coordinates(shape)
        for border in self.borders[..., None, None, None].unbind(1):
            angle, distance, height, softness = border.unbind(1)
            beyond = down * angle.sin() + across * angle.cos() - distance
            total = total + height * torch.sigmoid(beyond / softness)
        total = total + self.bones.shadow(len(total), shape)
        return total * self.there[:, None, None, None]


def draw_instruments(number: int, probability: float, generator: torch.Generator) -> Strokes:
    """Draw instruments for a number of pictures. Each has some with the given probability, up to :data:`MOST`."""
    some = torch.rand(number, 1, generator=generator) < probability
    count = torch.randint(1, MOST + 1, (number, 1), generator=generator)
    there = (some & (torch.arange(MOST) < count)).flatten()
    n = number * MOST
    kind = torch.randint(len(KINDS), (n,), generator=generator)
    lengths, radii, bends, peaks = (torch.tensor(column)[kind] for column in zip(*KINDS.values(), strict=True))
    uniform = torch.rand(n, 9, generator=generator)
    length, radius, peak = (_within(limits, uniform[:, i]) for i, limits in enumerate((lengths, radii, peaks)))
    start = 1.8 * uniform[:, 3:5] - 0.9
    line = _line(start, length, 2 * math.pi * uniform[:, 5], bends, generator)

    # The second part of a thing: the other branch of a clamp, or a rod beside the rod. The end: a screw's head, or the
    # joint of a clamp.
    clamp, rod, screw = (kind == list(KINDS).index(name) for name in ("clamp", "rod", "screw"))
    opening = torch.where(clamp, 0.2 + 0.5 * uniform[:, 6], 0.0)
    beside = torch.where(rod, 0.25 + 0.3 * uniform[:, 6], 0.0)
    direction = line[:, -1] - line[:, 0]
    across = torch.stack([-direction[:, 1], direction[:, 0]], -1) / direction.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    second = start[:, None] + _turned(line - start[:, None], opening) + (beside[:, None] * across)[:, None]
    end = start[:, None].expand(-1, CORNERS, -1)
    head = radius * (1.5 + uniform[:, 7])
    parts = [(line, radius, there)]
    parts += [(second, radius, there & (clamp | rod & (uniform[:, 8] < 0.5)))]
    parts += [(end, head, there & (clamp | screw))]
    picture = torch.arange(number).repeat_interleave(MOST)
    chosen = [(picture[use], corners[use], half[use], peak[use]) for corners, half, use in parts]
    return Strokes(*(torch.cat(column) for column in zip(*chosen, strict=True)))


def draw_background(number: int, probability: float, generator: torch.Generator) -> Background:
    """Draw backgrounds for a number of pictures. Each has one with the given probability."""

    def uniform(*size: int) -> Tensor:
        return torch.rand(*size, generator=generator)

    there = uniform(number) < probability
    tissue = 1.5 + 2.5 * uniform(number, 1, 1, 1) + 0.5 * torch.randn(number, 1, 5, 5, generator=generator)
    detail = 0.15 * uniform(number, 1, 1, 1) * torch.randn(number, 1, 18, 18, generator=generator)
    angle, distance, height, softness = uniform(number, 2, 4).unbind(-1)
    borders = [2 * math.pi * angle, 1.6 * distance - 0.8, 1.8 * height - 0.6, 0.03 + 0.15 * softness]

    # A family of ribs, which are about parallel, and a few bones of any other shape.
    ribs, others = 5, 3
    picture = torch.arange(number).repeat_interleave(ribs + others)
    first = uniform(number, 1)
    heading = torch.cat(
        [2 * math.pi * (first + 0.04 * uniform(number, ribs)), 2 * math.pi * uniform(number, others)], 1
    )
    start = torch.cat([uniform(number, ribs, 2), uniform(number, others, 2)], 1) * 2.4 - 1.2
    length = torch.cat([1.0 + uniform(number, ribs), 0.8 * uniform(number, others)], 1)
    radius = torch.cat([0.03 + 0.05 * uniform(number, ribs), 0.08 + 0.22 * uniform(number, others)], 1)
    peak = torch.cat([0.1 + 0.4 * uniform(number, ribs), 0.2 + 0.9 * uniform(number, others)], 1)
    bend = torch.tensor([0.25] * ribs + [0.4] * others).repeat(number)
    corners = _line(start.flatten(0, 1), length.flatten(), heading.flatten(), bend, generator)
    use = (uniform(number, ribs + others) < 0.7).flatten() & there[picture]
    bones = Strokes(picture[use], corners[use], radius.flatten()[use], peak.flatten()[use])
    return Background(there, tissue, detail, torch.stack(borders, -1), bones)


def coordinates(shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The positions of pixels down (rows, 1) and across (1, columns), from -1 at one edge to 1 at the other."""
    rows, columns = shape
    down = (2 * torch.arange(rows) + 1) / rows - 1
    across = (2 * torch.arange(columns) + 1) / columns - 1
    return down[:, None], across[None, :]


def _squared_distance(corners: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Squares (rows, columns) of the distances of pixels from a poly-line with corners (C, 2)."""
    start, along = corners[:-1, :, None, None], corners.diff(dim=0)[:, :, None, None]
    down, across = down - start[:, 0], across - start[:, 1]
    unit = along / along.square().sum(1, keepdim=True).clamp(min=1e-12)
    share = (down * unit[:, 0] + across * unit[:, 1]).clamp(0, 1)
    return ((down - share * along[:, 0]).square() + (across - share * along[:, 1]).square()).amin(0)


def _within(limits: Tensor, share: Tensor) -> Tensor:
    """Numbers at a share (N,) of the way through ranges (N, 2)."""
    return limits[:, 0] + share * (limits[:, 1] - limits[:, 0])


def _line(start: Tensor, length: Tensor, heading: Tensor, bend: Tensor, generator: torch.Generator) -> Tensor:
    """Corners (N, C, 2) of lines from a point (N, 2), whose heading changes at random from part to part."""
    parts = CORNERS - 1
    turns = bend[:, None] * torch.randn(len(start), parts, generator=generator)
    angle = heading[:, None] + turns.cumsum(1)
    steps = (length / parts)[:, None, None] * torch.stack([angle.sin(), angle.cos()], -1)
    return torch.cat([start[:, None], start[:, None] + steps.cumsum(1)], 1)


def _turned(vectors: Tensor, angle: Tensor) -> Tensor:
    """Vectors (N, C, 2) turned by angles (N,) in the picture's plane."""
    sine, cosine = angle.sin()[:, None], angle.cos()[:, None]
    down, across = vectors.unbind(-1)
    return torch.stack([cosine * down + sine * across, cosine * across - sine * down], -1)
