"""A random tree of vessels: centre lines and radii, the X-ray's view of it, and its voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...simulate import MATERIALS, Material, Wire

_STEP = 3.0
"""mm from one point of a centre line to the next."""
_TRUNK, _THINNEST = 2.5, 0.6
"""Radius of the first vessel and of the last ones, mm; the carotid in the neck has about 2.5 mm."""
_SHARE = 0.5
"""Mass of contrast agent in the blood, as a share of both together."""


@dataclass(frozen=True, eq=False)
class Vessel:
    """A vessel without branches: ``points`` (N, 3) on its centre line, mm, and its radius, mm."""

    points: np.ndarray
    radius: float


def grow(seed: int, reach: float = 50.0) -> list[Vessel]:
    """A tree of vessels within ``reach`` mm of the origin, which rises from below and branches in two again and again.

    Radii follow Murray's law for two equal branches: the cubes of theirs add up to the cube of their trunk's.
    """
    rng = np.random.default_rng(seed)
    vessels: list[Vessel] = []
    tips = [(np.array([0.0, 0.0, -0.9 * reach]), np.array([0.0, 0.0, 1.0]), _TRUNK)]
    while tips:
        start, direction, radius = tips.pop(0)
        points = [start]
        for _ in range(int(rng.uniform(5, 9) * (0.7 + 0.6 * radius / _TRUNK))):
            inward = -points[-1] / reach * max(0.0, np.linalg.norm(points[-1]) / reach - 0.8)
            direction = direction + rng.normal(0, 0.12, 3) + inward
            direction = direction / np.linalg.norm(direction)
            points.append(points[-1] + _STEP * direction)
        vessels.append(Vessel(np.array(points), radius))
        finer = radius * 2 ** (-1 / 3)
        if finer > _THINNEST and len(vessels) < 80:
            aside = np.cross(direction, rng.normal(size=3))
            aside = aside / np.linalg.norm(aside)
            spread = rng.uniform(0.3, 0.8, 2)
            tips += [
                (points[-1], direction * np.cos(a) + sign * aside * np.sin(a), finer)
                for a, sign in zip(spread, (1, -1), strict=True)
            ]
    return vessels


def filled(vessels: list[Vessel], at: np.ndarray) -> list[Wire]:
    """The vessels as things of blood with contrast agent, which an X-ray shows; moved by ``at`` (3,), mm."""
    blood = _blood()
    return [Wire((vessel.points + at).tolist(), vessel.radius, blood, displaces="soft tissue") for vessel in vessels]


def _blood() -> Material:
    agent, tissue = MATERIALS["iodine contrast"], MATERIALS["soft tissue"]
    elements = {*agent.fractions, *tissue.fractions}
    fractions = {
        e: _SHARE * agent.fractions.get(e, 0.0) + (1 - _SHARE) * tissue.fractions.get(e, 0.0) for e in elements
    }
    density = 1 / (_SHARE / agent.density + (1 - _SHARE) / tissue.density)
    return Material("blood with contrast agent", density, fractions)


def occupancy(vessels: list[Vessel], shape: tuple[int, int, int], voxel: float) -> np.ndarray:
    """The share of each voxel that vessels fill, (I, J, K) float32, on a grid whose middle is the origin.

    At a vessel's wall the share falls linearly over the width of one voxel.
    """
    share = np.zeros(shape, np.float32)
    middle = (np.array(shape) - 1) / 2
    for vessel in vessels:
        for a, b in zip(vessel.points, vessel.points[1:], strict=False):
            ends = np.stack([a, b]) / voxel + middle
            wide = vessel.radius / voxel + 1
            low = np.maximum(np.floor(ends.min(0) - wide).astype(int), 0)
            high = np.minimum(np.ceil(ends.max(0) + wide).astype(int) + 1, shape)
            if np.any(low >= high):
                continue
            place = np.stack(np.meshgrid(*(np.arange(i, j) for i, j in zip(low, high, strict=True)), indexing="ij"), -1)
            run = ends[1] - ends[0]
            along = np.clip((place - ends[0]) @ run / (run @ run), 0, 1)
            away = np.linalg.norm(place - ends[0] - along[..., None] * run, axis=-1)
            box = tuple(slice(i, j) for i, j in zip(low, high, strict=True))
            share[box] = np.maximum(share[box], np.clip(0.5 + vessel.radius / voxel - away, 0, 1))
    return share
