"""Metal in a spine: pedicle screws with their rods, a guide wire, a clamp and a cable, placed by the CT's label map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from .materials import Material
from .overlying import insulated, skin
from .shapes import Box, Point, Rod, Shape, Wire

if TYPE_CHECKING:
    import torchio

SCREW_DIAMETERS = (4.5, 5.5, 6.5)
"""mm: pedicle screws for narrow, middle and wide pedicles (usual range of the manufacturers' systems)."""
SCREW_LENGTHS = (25.0, 30.0, 35.0, 40.0, 45.0, 50.0)
"""mm from the head to the tip; the longest is taken that leaves 4 mm of bone in front of the tip."""
ROD_DIAMETER = 5.5  # mm, the usual one of adult systems
_FRONT = 4.0  # mm of bone that stay in front of the tip
_PITCH = 2.5  # mm from turn to turn of a thread
_REACH = 80.0  # mm: how far along the spine the instrumented vertebrae are at most from where they are asked for


def instruments(subject: torchio.Subject, seed: int = 0, *, about: Point = (0.0, 0.0, 0.0)) -> tuple[Shape, ...]:
    """What lies in the field during an operation on the spine, for ``foreign=`` of :func:`simulate_xray`.

    Two or three neighbouring vertebrae have a pair of pedicle screws of titanium each, connected by two rods. A guide
    wire of steel sticks in a pedicle of the vertebra above them. A clamp of steel and a cable lie on the back.

    Parameters
    ----------
    subject
        CT from :mod:`diffpose_nb.ct` with a label map. Vertebrae are found by ``subject["structures"]``: the names that
        start with "vertebrae". Those that the CT cuts off are left out.
    seed
        Decides which vertebrae, and where the loose things lie. The same seed gives the same things.
    about
        (3,) world mm. The vertebrae are chosen within 80 mm above and below this point.

    Returns
    -------
    tuple of Shape
        In world coordinates.

    Raises
    ------
    ValueError
        The CT has no label map with names, or fewer than two vertebrae that are whole and near ``about``.
    """
    rng = np.random.default_rng(seed)
    spine = [one for one in vertebrae(subject) if abs(one.canal[2] - about[2]) <= _REACH]
    if len(spine) < 2:
        raise ValueError(
            f"{len(spine)} whole vertebrae lie within {_REACH:g} mm of z = {about[2]:g} mm, screws need two: choose "
            "about= nearer to the middle of the spine that the CT shows"
        )
    count = min(int(rng.integers(2, 4)), len(spine))
    first = int(rng.integers(0, len(spine) - count + 1))
    chosen = spine[first : first + count]

    shapes: list[Shape] = []
    for side in (-1.0, 1.0):
        heads = []
        for one in chosen:
            entry, tip, diameter = one.screw(side)
            shapes += screw(entry, tip, diameter, up=one.up)
            heads.append(entry + _SADDLE * _unit(entry - tip))
        shapes.append(Wire(_through(np.array(heads), overhang=9.0), ROD_DIAMETER / 2, "titanium", **_IN_THE_BODY))
    above = spine[min(first + count, len(spine) - 1)]
    shapes += _guide_wire(above, side=float(rng.choice([-1.0, 1.0])), rng=rng)
    middle = np.mean([one.canal for one in chosen], axis=0)
    shapes += _clamp(subject, middle, rng)
    shapes += _cable(subject, middle, rng)
    return tuple(shapes)


def screw(
    entry: Point, tip: Point, diameter: float = 5.5, material: str | Material = "titanium", up: Point = (0.0, 0.0, 1.0)
) -> tuple[Shape, ...]:
    """A pedicle screw: a shank with a thread, a pointed end, and the fork of its head with the nut that holds a rod.

    Parameters
    ----------
    entry, tip
        (3,) mm: where the shank leaves the head, and its end.
    diameter
        Outer diameter of the thread, mm; the shank within it has 0.7 of this.
    up
        (3,) the direction of the rod, which runs through the fork; its axis is 6.25 mm behind ``entry``.
    """
    entry, tip, up = (np.asarray(mm, float) for mm in (entry, tip, up))
    length, inward = float(np.linalg.norm(tip - entry)), _unit(tip - entry)
    along = _unit(up - (up @ inward) * inward)
    aside = np.cross(inward, along)
    radius, kind = diameter / 2, {"material": material, **_IN_THE_BODY}
    bare = length - 2 * diameter  # from here on the shank tapers
    shank = [Rod(entry, entry + bare * inward, 0.7 * radius, **kind)]
    tapered = np.linspace(bare, length, 9)
    for a, b in pairwise(tapered):
        thin = 0.7 * radius * _taper((a + b) / 2, bare, length)
        shank.append(Rod(entry + a * inward, entry + b * inward, thin, **kind))
    turns = [
        Rod(entry + (at - 0.35) * inward, entry + (at + 0.35) * inward, radius * _taper(at, bare, length), **kind)
        for at in np.arange(3.0, length - 1.5, _PITCH)
    ]
    base, back = entry - 3.0 * inward, entry - 15.0 * inward
    wall = ROD_DIAMETER / 2 + 1.7  # mm from the rod's axis to the middle of a wall of the fork
    fork = [
        Box.between(base + side * wall * aside, back + side * wall * aside, 2.6 * aside, 9.5 * along, **kind)
        for side in (-1, 1)
    ]
    return (
        *shank,
        *turns,
        Rod(entry + 0.5 * inward, base - 0.5 * inward, 5.0, **kind),
        *fork,
        Rod(back + 1.0 * inward, back + 5.0 * inward, wall, **kind),
    )


@dataclass(frozen=True)
class Vertebra:
    """A vertebra of a label map.

    ``points`` (N, 3) are its voxels and ``canal`` (3,) is the middle of its spinal canal, world mm. ``right``,
    ``front`` and ``up`` are its own axes (3,), at right angles.
    """

    name: str
    points: np.ndarray
    canal: np.ndarray
    right: np.ndarray
    front: np.ndarray
    up: np.ndarray
    voxel: float  # mm: the longest edge of a voxel

    def screw(self, side: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Entry, tip and diameter of a screw through the pedicle on one side: +1 the right one, -1 the left one."""
        own = (self.points - self.canal) @ np.stack([self.right, self.front, self.up], 1)
        across, depth = side * own[:, 0], own[:, 1]
        pedicle = own[(depth > 2) & (depth < 7) & (across > 5) & (across < 20)]
        middle = self.canal + pedicle.mean(0) @ np.stack([self.right, self.front, self.up])
        slices = [pedicle[np.abs(pedicle[:, 1] - at) < 0.75, 0] for at in np.arange(2.5, 7.0, 0.75)]
        width = min(2 * np.sqrt(3) * one.std() for one in slices if len(one) > 4)  # of a slab with this deviation
        diameter = max([mm for mm in SCREW_DIAMETERS if mm <= 0.9 * width], default=SCREW_DIAMETERS[0])
        inward = _unit(self.front - side * np.tan(np.radians(10.0)) * self.right)  # converging, as surgeons place them
        at = (self.points - middle) @ inward
        near = np.linalg.norm(self.points - middle - at[:, None] * inward, axis=1) < max(2.0, 0.6 * self.voxel)
        first, last = _run(at[near], self.voxel)
        room = last - first - _FRONT
        length = max([mm for mm in SCREW_LENGTHS if mm <= room], default=SCREW_LENGTHS[0])
        entry = middle + first * inward
        return entry, entry + length * inward, diameter


def vertebrae(subject: torchio.Subject) -> list[Vertebra]:
    """The vertebrae that the CT shows whole, from the feet to the head, as far as their canal can be found.

    Raises
    ------
    ValueError
        The CT has no label map, or no names for its labels.
    """
    mask, table = subject.get("mask"), subject.get("structures")
    if mask is None or table is None:
        raise ValueError("vertebrae are found by a label map with names: load_ct(path, labels=…, structures=…)")
    labels = mask.data[0].numpy().astype(np.int32)
    axis = int(np.abs(mask.affine[2, :3]).argmax())  # of the grid, along the body
    boxes = ndimage.find_objects(labels)
    found = []
    for label, name in zip(table["id"], table["structure"], strict=True):
        box = boxes[label - 1] if str(name).startswith("vertebrae") and label <= len(boxes) else None
        if box is None or box[axis].start == 0 or box[axis].stop == labels.shape[axis]:
            continue
        inside = labels[box] == label
        slices = np.moveaxis(inside, axis, 0)
        canal = _largest(np.stack([ndimage.binary_fill_holes(one) & ~one for one in slices], axis))
        if canal is not None:
            low = [edge.start for edge in box]
            places = [(np.argwhere(one) + low) @ mask.affine[:3, :3].T + mask.affine[:3, 3] for one in (inside, canal)]
            found.append((str(name), places[0], places[1].mean(0)))
    found.sort(key=lambda one: one[2][2])
    middles = np.array([canal for _, _, canal in found]).reshape(-1, 3)
    voxel = float(max(mask.spacing))
    return [_with_axes(*one, _unit(_slope(middles, n)), voxel) for n, one in enumerate(found)]


_SADDLE = 3.5 + ROD_DIAMETER / 2  # mm from a screw's entry back to the axis of the rod
_IN_THE_BODY = {"displaces": "soft tissue"}


def _with_axes(name: str, points: np.ndarray, canal: np.ndarray, up: np.ndarray, voxel: float) -> Vertebra:
    front = _unit(np.array([0.0, 1.0, 0.0]) - up[1] * up)
    body = points[(points - canal) @ front > 9.0]  # in front of the canal
    if len(body):
        ahead = body.mean(0) - canal
        front = _unit(ahead - (ahead @ up) * up)
    return Vertebra(name, points, canal, np.cross(front, up), front, up, voxel)


def _guide_wire(vertebra: Vertebra, side: float, rng: np.random.Generator) -> list[Shape]:
    """A Kirschner wire of 1.6 to 2 mm that a surgeon has put into a pedicle; it slopes up and outwards."""
    entry, tip, _ = vertebra.screw(side)
    tilt = np.radians(rng.uniform(25.0, 40.0))
    backward = _unit(entry - tip) * np.cos(tilt) + np.sin(tilt) * _unit(vertebra.up + 0.4 * side * vertebra.right)
    inner = entry + 0.3 * (tip - entry)
    return [Rod(inner, inner + 150.0 * backward, rng.uniform(0.8, 1.0), "steel", rounded=True, **_IN_THE_BODY)]


def _clamp(subject: torchio.Subject, middle: np.ndarray, rng: np.random.Generator) -> list[Shape]:
    """A clamp of 14 cm, half open, with its rings; it lies flat on the back beside the wound."""
    half = [(70, 2), (45, 3.5), (25, 0), (0, -5), (-42, -13), (-47.5, -14.5)]  # mm along and across, to the ring
    ring = [(-58 + 13 * np.cos(a), -20 + 10 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 25)]
    turn, side = np.radians(rng.uniform(-60, 60)), rng.choice([-1.0, 1.0])
    at = middle + np.array([side * rng.uniform(45, 70), 0.0, rng.uniform(-30, 30)])
    at[1] = skin(subject, at[0], at[2], front=False) - 4.0
    along, aside = np.array([np.sin(turn), 0, np.cos(turn)]), np.array([np.cos(turn), 0, -np.sin(turn)])
    shapes: list[Shape] = [Rod(at + 25 * along - [0, 3.0, 0], at + 25 * along + [0, 3.0, 0], 4.5, "steel")]  # the hinge
    for mirror in (-1.0, 1.0):
        for line, radius in ((half, 2.2), (ring, 1.8)):
            shapes.append(Wire([at + u * along + mirror * v * aside for u, v in line], radius, "steel"))
    return shapes


def _cable(subject: torchio.Subject, middle: np.ndarray, rng: np.random.Generator) -> list[Shape]:
    """A cable that crosses the field on the back, such as that of an electrosurgical plate."""
    x = middle[0] + np.array([-170.0, -80.0, 0.0, 80.0, 170.0])
    z = middle[2] + rng.uniform(-90, 90) + rng.uniform(-25, 25, 5)
    return insulated(subject, np.stack([x, z], 1), front=False, core=0.7, coat=1.9)


def _through(points: np.ndarray, overhang: float) -> list[np.ndarray]:
    """A bent rod through points, longer than these at both ends."""
    at = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    if len(points) == 2:
        slope = np.diff(points, axis=0)[0] / at[1]
        return [points[0] - overhang * slope, points[1] + overhang * slope]
    from scipy.interpolate import CubicSpline

    spline = CubicSpline(at, points, bc_type="natural")
    bent = spline(np.linspace(0, at[-1], 12))
    first, last = (_unit(spline(end, 1)) for end in (0, at[-1]))
    return [bent[0] - overhang * first, *bent, bent[-1] + overhang * last]


def _run(at: np.ndarray, voxel: float) -> tuple[float, float]:
    """The first and the last place of the unbroken row of voxels along an axis that contains 0."""
    at = np.sort(at)
    gaps = np.flatnonzero(np.diff(at) > 1.5 * voxel)
    starts, ends = np.r_[at[0], at[gaps + 1]], np.r_[at[gaps], at[-1]]
    row = int(np.argmin(np.maximum(starts, 0) + np.maximum(-ends, 0)))
    return float(starts[row]), float(ends[row])


def _largest(holes: np.ndarray) -> np.ndarray | None:
    pieces, count = ndimage.label(holes)
    return pieces == 1 + np.bincount(pieces.ravel())[1:].argmax() if count else None


def _slope(points: np.ndarray, n: int) -> np.ndarray:
    """The direction of the spine at one of its points; of a single vertebra, the world's axis."""
    if len(points) < 2:
        return np.array([0.0, 0.0, 1.0])
    return points[min(n + 1, len(points) - 1)] - points[max(n - 1, 0)]


def _taper(at: float, bare: float, length: float) -> float:
    return float(np.clip(1 - 0.85 * (at - bare) / (length - bare), 0.15, 1.0))


def _unit(vector: Sequence[float] | np.ndarray) -> np.ndarray:
    return np.asarray(vector, float) / np.linalg.norm(vector)
