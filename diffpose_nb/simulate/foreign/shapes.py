"""Shapes of foreign things in an X-ray, and the exact length of a ray in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from torch import Tensor

from ...camera import as_float64, transform_points
from .chords import union_lengths, within_ball, within_slab
from .materials import Material, as_material

Point = Sequence[float]
"""Three coordinates in mm."""


@dataclass(frozen=True)
class Shape:
    """A thing of one material. Its coordinates are in mm, in the frame of whoever places it.

    Parameters
    ----------
    displaces
        What the CT shows in the place of the thing, which is then not there: "soft tissue" for an implant or a probe in
        the body, "bone" for a cage that fills an intervertebral space, or another :class:`Material`. None: air, for
        things outside the body.
    """

    displaces: str | Material | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        as_material(self.material)
        if self.displaces is not None:
            as_material(self.displaces)
        for name in self._points:
            values = np.asarray(getattr(self, name), float)
            if values.shape[-1:] != (3,) or values.ndim != 1 + (name == "points") or not np.isfinite(values).all():
                raise ValueError(f"{name} is {values.tolist()}: a point is three finite numbers, in mm")
            object.__setattr__(self, name, _tuples(values))
        if any(one.name == "radius" for one in fields(self)) and not 0 < self.radius < np.inf:
            raise ValueError(f"radius is {self.radius}: it must be positive, in mm")

    _points = ()  # names of the fields that hold points

    def convex(self) -> tuple[Shape, ...]:
        """The convex shapes whose union this is."""
        return (self,)

    def moved(self, target_from_source: Tensor) -> Shape:
        """The same thing after a rigid motion, or in another frame: (4, 4) ``target_from_source``."""
        moved = {}
        for name in self._points:
            old = as_float64(getattr(self, name))
            moved[name] = transform_points(target_from_source, old.view(-1, 3)).view_as(old)
        return replace(self, **moved)

    def lengths(self, starts: Tensor | np.ndarray, ends: Tensor | np.ndarray) -> np.ndarray:
        """The length of each ray inside the thing: starts and ends (N, 3), mm, to (N,) float64, mm.

        A ray reaches from its start to its end and no further.
        """
        starts, ends = np.broadcast_arrays(np.asarray(starts, float), np.asarray(ends, float))
        every = np.arange(len(starts))
        found = [(every, *one.interval(starts, ends - starts)) for one in self.convex()]
        return union_lengths(found, len(starts)) * np.linalg.norm(ends - starts, axis=1)


@dataclass(frozen=True)
class Ball(Shape):
    """A ball: a marker, or a bead. ``centre`` (3,) and ``radius`` are in mm."""

    centre: Point
    radius: float
    material: str | Material = "steel"
    _points = ("centre",)

    def interval(self, starts: np.ndarray, runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where each ray enters and leaves, as shares of its run."""
        return within_ball(starts - np.array(self.centre), runs, self.radius)

    def corners(self) -> np.ndarray:
        """(8, 3) the corners of a box around the shape."""
        return np.array(self.centre) + self.radius * _CUBE


@dataclass(frozen=True)
class Rod(Shape):
    """A cylinder: a rod, a screw's shank, a limb. ``start`` and ``end`` (3,) and ``radius`` are in mm.

    Its ends are flat. With ``rounded=True``, each carries half a ball in addition.
    """

    start: Point
    end: Point
    radius: float
    material: str | Material = "titanium"
    rounded: bool = field(default=False, kw_only=True)
    _points = ("start", "end")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start == self.end:
            raise ValueError(f"start and end are the same point {self.start}: a rod has a length; a Ball has none")

    def interval(self, starts: np.ndarray, runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where each ray enters and leaves, as shares of its run."""
        start, axis, length = self._axis()
        position, along, onward = starts - start, (starts - start) @ axis, runs @ axis
        aside = within_ball(position - along[:, None] * axis, runs - onward[:, None] * axis, self.radius)
        between = within_slab(along, onward, 0.0, length)
        first, last = np.maximum(aside[0], between[0]), np.minimum(aside[1], between[1])
        if self.rounded:  # the whole is convex: the ray is inside from the first to the last point in any of the parts
            first, last = np.where(first < last, first, np.inf), np.where(first < last, last, -np.inf)
            for centre in (self.start, self.end):
                ball = within_ball(starts - np.array(centre), runs, self.radius)
                first = np.where(ball[0] < ball[1], np.minimum(first, ball[0]), first)
                last = np.where(ball[0] < ball[1], np.maximum(last, ball[1]), last)
        return first, last

    def corners(self) -> np.ndarray:
        """(8, 3) the corners of a box around the shape."""
        start, axis, length = self._axis()
        other = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
        other /= np.linalg.norm(other)
        frame = np.stack([self.radius * other, self.radius * np.cross(axis, other), length / 2 * axis])
        if self.rounded:
            frame[2] += self.radius * axis
        return start + length / 2 * axis + _CUBE @ frame

    def _axis(self) -> tuple[np.ndarray, np.ndarray, float]:
        start, end = np.array(self.start), np.array(self.end)
        length = float(np.linalg.norm(end - start))
        return start, (end - start) / length, length


@dataclass(frozen=True)
class Box(Shape):
    """A box in any direction: a plate, a bar of a table, a stroke of a letter.

    Parameters
    ----------
    centre
        (3,) mm.
    edges
        (3, 3): three vectors along the edges, as long as these, mm. If they are not at right angles, the box is a
        parallelepiped.
    """

    centre: Point
    edges: Sequence[Point]
    material: str | Material = "steel"
    _points = ("centre",)

    def __post_init__(self) -> None:
        super().__post_init__()
        edges = np.asarray(self.edges, float)
        if edges.shape != (3, 3) or not abs(np.linalg.det(edges)) > 0:
            raise ValueError(f"edges are {edges.tolist()}: a box has three, (3, 3) in mm, that span space")
        object.__setattr__(self, "edges", _tuples(edges))

    @classmethod
    def between(
        cls,
        start: Point,
        end: Point,
        width: Point,
        thickness: Point,
        material: str | Material,
        displaces: str | Material | None = None,
    ) -> Box:
        """A bar from the middle of one end to that of the other; ``width`` and ``thickness`` are vectors, mm."""
        start, end, width, thickness = (np.asarray(mm, float) for mm in (start, end, width, thickness))
        return cls((start + end) / 2, [end - start, width, thickness], material, displaces=displaces)

    def moved(self, target_from_source: Tensor) -> Box:
        """The same thing after a rigid motion, or in another frame: (4, 4) ``target_from_source``."""
        edges = as_float64(self.edges) @ as_float64(target_from_source)[:3, :3].mT
        return replace(super().moved(target_from_source), edges=edges.numpy())

    def interval(self, starts: np.ndarray, runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where each ray enters and leaves, as shares of its run."""
        inverse = np.linalg.inv(np.array(self.edges))
        position, run = (starts - np.array(self.centre)) @ inverse, runs @ inverse
        slabs = [within_slab(position[:, axis], run[:, axis], -0.5, 0.5) for axis in range(3)]
        return np.max([slab[0] for slab in slabs], axis=0), np.min([slab[1] for slab in slabs], axis=0)

    def corners(self) -> np.ndarray:
        """(8, 3) its corners."""
        return np.array(self.centre) + 0.5 * _CUBE @ np.array(self.edges)


@dataclass(frozen=True)
class Wire(Shape):
    """A round wire along straight pieces: a cable, a guide wire, a bent rod. Its joints and ends are round.

    ``points`` (N, 3), N at least 2, and ``radius`` are in mm. Where a wire crosses or touches itself, a ray passes
    through it once.
    """

    points: Sequence[Point]
    radius: float
    material: str | Material = "steel"
    _points = ("points",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.points) < 2:
            raise ValueError(f"points are {self.points}: a wire has at least two")

    def convex(self) -> tuple[Rod, ...]:
        """One rod with round ends for each straight piece."""
        pieces = [(a, b) for a, b in zip(self.points, self.points[1:], strict=False) if a != b]
        return tuple(Rod(a, b, self.radius, self.material, rounded=True) for a, b in pieces)


_CUBE = np.array(np.meshgrid([-1.0, 1.0], [-1.0, 1.0], [-1.0, 1.0])).reshape(3, 8).T


def _tuples(values: np.ndarray) -> tuple:
    """Nested tuples of floats, which can be compared and hashed."""
    return tuple(map(_tuples, values)) if np.ndim(values) else float(values)
