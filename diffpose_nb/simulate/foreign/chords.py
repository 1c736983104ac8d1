"""How long rays are within convex shapes and unions of them, for :mod:`diffpose_nb.simulate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .materials import Material, as_material

if TYPE_CHECKING:
    from .shapes import Shape


def shadows(
    shapes: Sequence[Shape], rays: tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]], energies: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What foreign things add to the attenuation of each ray.

    Parameters
    ----------
    shapes
        The things, in the frame of the rays. Those of one material that overlap count once where they do.
    rays
        The source, the first point of a grid, its steps and its size, as in :func:`grid_lengths`.
    energies
        (E,) keV.

    Returns
    -------
    list of (ndarray, ndarray)
        For each material: the coefficients (E,) in 1/cm, less those of what it displaces, and the lengths of the rays
        in it, (rows, columns) float32 in cm.
    """
    groups: dict[tuple[Material, Material | None], list[Shape]] = {}
    for shape in shapes:
        key = as_material(shape.material), shape.displaces and as_material(shape.displaces)
        groups.setdefault(key, []).append(shape)
    return [
        (
            made_of.attenuation(energies) - (0.0 if instead_of is None else instead_of.attenuation(energies)),
            grid_lengths(group, *rays) / np.float32(10),
        )
        for (made_of, instead_of), group in groups.items()
    ]


def union_lengths(found: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], count: int) -> np.ndarray:
    """The share of each ray that lies in at least one of several convex shapes.

    Parameters
    ----------
    found
        For each shape the numbers of rays (M,), and where these enter and leave the shape, as shares of their run (M,).
        What lies before 0 and after 1 does not count; a ray that leaves before it enters misses the shape.
    count
        The number of all rays.

    Returns
    -------
    ndarray
        (count,) float64 in [0, 1].
    """
    if not found:
        return np.zeros(count)
    ray, first, last = (np.concatenate([one[k] for one in found]) for k in range(3))
    first, last = first.clip(0, 1), last.clip(0, 1)
    hit = last > first
    ray, first, last = ray[hit], first[hit], last[hit]
    if len(found) > 1:
        order = np.lexsort((first, ray))
        ray, first, last = ray[order], first[order], last[order]
        # Rays follow each other on one line, 2 apart, so that the furthest end so far is one running maximum.
        offset = 2.0 * np.cumsum(np.r_[0, np.diff(ray) > 0]) if len(ray) else ray
        furthest = np.maximum.accumulate(last + offset)
        before = np.r_[-np.inf, furthest[:-1]] - offset if len(ray) else last
        first = np.minimum(np.maximum(first, before), last)
    return np.bincount(ray, last - first, minlength=count)


def grid_lengths(
    shapes: Sequence[Shape], source: np.ndarray, corner: np.ndarray, steps: np.ndarray, grid: tuple[int, int]
) -> np.ndarray:
    """The length of the rays from a source to a grid of points inside the union of shapes.

    Parameters
    ----------
    source
        (3,) mm.
    corner, steps
        (3,) the first point of the grid, and (2, 3) the steps to the next row and to the next column, mm.
    grid
        (rows, columns).

    Returns
    -------
    ndarray
        (rows, columns) float32, mm. Where shapes overlap, their common part counts once.
    """
    rows, columns = grid
    found = []
    for shape in (one for several in shapes for one in several.convex()):
        (top, bottom), (left, right) = _rectangle(shape.corners() - source, corner - source, steps, grid)
        if top >= bottom or left >= right:
            continue
        row, column = np.arange(top, bottom), np.arange(left, right)
        runs = (corner - source + row[:, None, None] * steps[0] + column[:, None] * steps[1]).reshape(-1, 3)
        first, last = shape.interval(np.broadcast_to(source, runs.shape), runs)
        hit = (last > first) & (last > 0) & (first < 1)
        found.append(((row[:, None] * columns + column).ravel()[hit], first[hit], last[hit]))
    share = union_lengths(found, rows * columns)
    hit = np.flatnonzero(share)
    runs = corner - source + (hit // columns)[:, None] * steps[0] + (hit % columns)[:, None] * steps[1]
    length = np.zeros(rows * columns, np.float32)
    length[hit] = share[hit] * np.linalg.norm(runs, axis=1)
    return length.reshape(grid)


def _rectangle(
    corners: np.ndarray, corner: np.ndarray, steps: np.ndarray, grid: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The rows and the columns, first and one after the last, behind a convex shape; positions are from the source."""
    normal = np.cross(*steps)
    depth = corners @ normal / (corner @ normal)  # 1 on the detector, 0 at the source
    if depth.min() < 1e-3:  # beside or around the source: any ray may meet the shape
        return ((0, 0), (0, 0)) if depth.max() <= 0 else ((0, grid[0]), (0, grid[1]))
    place = np.linalg.lstsq(steps.T, (corners / depth[:, None] - corner).T, rcond=None)[0]
    low, high = np.ceil(place.min(1) - 1e-6), np.floor(place.max(1) + 1e-6) + 1
    return tuple((int(np.clip(a, 0, n)), int(np.clip(b, 0, n))) for a, b, n in zip(low, high, grid, strict=True))


def within_ball(position: np.ndarray, runs: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Where rays are closer than ``radius`` to the origin, as shares of their run; within a plane, to an axis."""
    square = (runs**2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        nearest = np.where(square > 0, -(position * runs).sum(1) / square, 0.0)
        # from the nearest point and not from the source, whose squared distance would drown a thin wire's radius
        room = radius**2 - ((position + nearest[:, None] * runs) ** 2).sum(1)
        half = np.where(room > 0, np.sqrt(room.clip(min=0) / square), -np.inf)
    return nearest - half, nearest + half


def within_slab(position: np.ndarray, run: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Where rays are between two planes, as shares of their run."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack([(low - position) / run, (high - position) / run])
    inside = (position >= low) & (position <= high)
    still = run == 0
    return (
        np.where(still, np.where(inside, -np.inf, np.inf), ends.min(0)),
        np.where(still, np.where(inside, np.inf, -np.inf), ends.max(0)),
    )
