"""What lies on the patient or on the detector: markers, leads of an ECG, a lead letter, and an arm across the field."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...camera import Camera
from .materials import Material
from .shapes import Ball, Box, Point, Rod, Shape, Wire

if TYPE_CHECKING:
    import torchio

_LOOP = [(0, 1), (0, 0), (0.4, 0), (0.56, 0.09), (0.6, 0.25), (0.56, 0.41), (0.4, 0.5), (0, 0.5)]
_STROKES = {  # x to the right and y down, in a box of height 1
    "L": [[(0, 0), (0, 1), (0.6, 1)]],
    "R": [_LOOP, [(0.3, 0.5), (0.6, 1)]],
    "A": [[(0, 1), (0.3, 0), (0.6, 1)], [(0.12, 0.65), (0.48, 0.65)]],
    "P": [_LOOP],
    "F": [[(0.6, 0), (0, 0), (0, 1)], [(0, 0.48), (0.42, 0.48)]],
}
_SKIN = -300.0  # HU: the body is denser, and clothes and the mattress are not
_DEEP = 8.0  # mm: what is thinner, such as the shell of a table, is no body


def beads(
    subject: torchio.Subject,
    seed: int = 0,
    count: int = 9,
    *,
    radius: float = 1.0,
    material: str | Material = "steel",
    about: Point = (0.0, 0.0, 0.0),
) -> tuple[Shape, ...]:
    """Balls on the skin of the chest or the abdomen, such as markers that are glued on for navigation.

    Parameters
    ----------
    subject
        CT from :mod:`diffpose_nb.ct`, in which the skin is found.
    seed
        Decides where they lie.
    count, radius, material
        How many, how thick (mm), and of what.
    about
        (3,) world mm: the middle of the square of 160 mm, seen from the front, in which they lie.

    Returns
    -------
    tuple of Shape
        In world coordinates, for ``foreign=`` of :func:`simulate_xray`.
    """
    rng = np.random.default_rng(seed)
    places = np.array([about[0], about[2]]) + rng.uniform(-80, 80, (count, 2))
    return tuple(Ball((x, skin(subject, x, z) + radius, z), radius, material) for x, z in places)


def cables(
    subject: torchio.Subject, seed: int = 0, count: int = 3, *, about: Point = (0.0, 0.0, 0.0)
) -> tuple[Shape, ...]:
    """Leads of an ECG on the front of the body: each has a metal clip on its electrode and runs off to one side.

    The parameters and the result are those of :func:`beads`, with ``count`` the number of leads.
    """
    rng = np.random.default_rng(seed)
    shapes: list[Shape] = []
    for _ in range(count):
        x, z = np.array([about[0], about[2]]) + rng.uniform(-70, 70, 2)
        side = rng.choice([-1.0, 1.0])
        way = np.stack([x + side * np.linspace(0, 220, 6), z + np.cumsum(np.r_[0, rng.uniform(-10, 55, 5)])], 1)
        shapes += insulated(subject, way, front=True, core=0.5, coat=1.4)
        y = skin(subject, x, z)
        shapes.append(Rod((x, y, z), (x, y + 1.5, z), 5.0, "steel"))  # the clip; 1.5 mm thick
        shapes.append(Rod((x, y + 1.5, z), (x, y + 4.5, z), 2.0, "steel"))  # and its stud
    return tuple(shapes)


def lead_letter(
    camera: Camera,
    letter: str = "R",
    *,
    at: tuple[float, float] = (0.8, 0.15),
    height: float = 18.0,
    material: str | Material = "lead",
) -> tuple[Shape, ...]:
    """A letter on the detector's cover that can be read in the image, for ``mounted=`` of :func:`simulate_xray`.

    Parameters
    ----------
    camera
        The detector.
    letter
        "L", "R", "A", "P" or "F".
    at
        The place of its upper left corner as a share of the image's width and height.
    height
        mm at the detector.

    Returns
    -------
    tuple of Shape
        Strokes 3 mm wide and 1.5 mm thick, 10 mm in front of the detector, in camera coordinates.

    Raises
    ------
    ValueError
        The letter is another one.
    """
    if letter not in _STROKES:
        raise ValueError(f"letter is {letter!r}: it can be {', '.join(_STROKES)}")
    row_spacing, column_spacing = camera.pixel_spacing
    first = np.array(at) * (camera.shape[1] - 1, camera.shape[0] - 1)  # (column, row)
    width, depth = 3.0, np.array([0.0, 0.0, 1.5])
    shapes = []
    for stroke in _STROKES[letter]:
        pixels = first + height * np.array(stroke, float) / (column_spacing, row_spacing)
        points = camera.detector_points(torch.from_numpy(pixels)).numpy() * (1 - 10.0 / camera.sid)
        for a, b in pairwise(points):
            run = (b - a) / np.linalg.norm(b - a)
            overlap = width / 2 * run  # so that strokes meet in a full corner
            shapes.append(Box.between(a - overlap, b + overlap, width * np.cross(run, [0, 0, 1]), depth, material))
    return tuple(shapes)


def arm(
    start: Point, end: Point, *, radius: float = 45.0, bone: float = 11.5, cortex: float = 4.5
) -> tuple[Shape, ...]:
    """An arm that lies across the field: soft tissue around a tube of bone, for ``foreign=`` of :func:`simulate_xray`.

    Parameters
    ----------
    start, end
        (3,) world mm. The arm's ends are flat, so they should lie outside the field, and the arm outside the body.
    radius, bone, cortex
        Of the arm, of its bone, and the thickness of the bone's wall, mm. The defaults are those of a slim upper arm
        with an adult's humerus in the middle of its shaft. The marrow counts as soft tissue.

    Raises
    ------
    ValueError
        The bone is thicker than the arm, or its wall thicker than the bone.
    """
    if not 0 < cortex < bone < radius:
        raise ValueError(f"radius {radius}, bone {bone}, cortex {cortex}: each must be less than the one before, in mm")
    return (
        Rod(start, end, radius, "soft tissue"),
        Rod(start, end, bone, "bone", displaces="soft tissue"),
        Rod(start, end, bone - cortex, "soft tissue", displaces="bone"),
    )


def skin(subject: torchio.Subject, x: float, z: float, *, front: bool = True) -> float:
    """The y coordinate of the body's front or back at (x, z), world mm; beside the body, that of the volume's middle.

    A table is no body, because its shell is thin and its filling light.
    """
    volume = subject["volume"]
    found = _surface(subject, x, z, front)
    return found if np.isfinite(found) else float((volume.affine @ [*(np.array(volume.spatial_shape) - 1) / 2, 1])[1])


def _surface(subject: torchio.Subject, x: float, z: float, front: bool) -> float:
    """As :func:`skin`, and beside the body NaN."""
    volume = subject["volume"]
    values, inverse = volume.data[0].numpy(), np.linalg.inv(volume.affine)
    middle = (volume.affine @ [*(np.array(values.shape) - 1) / 2, 1])[1]
    reach = 0.5 * np.abs(volume.affine[1, :3]) @ np.array(values.shape)
    y = np.arange(middle + reach, middle - reach, -0.5)
    y = y if front else y[::-1]
    index = np.stack([np.full_like(y, x), y, np.full_like(y, z)], 1) @ inverse[:3, :3].T + inverse[:3, 3]
    size = np.array(values.shape)
    index = np.rint(index).astype(int)
    along = int(np.abs(inverse[:3, 2]).argmax())  # above and below the CT, its last slice goes on
    index[:, along] = index[:, along].clip(0, size[along] - 1)
    within = ((index >= 0) & (index < size)).all(1)
    dense = np.r_[within & (values[tuple(index.clip(0, size - 1).T)] > _SKIN), False]
    edges = np.flatnonzero(np.diff(np.r_[False, dense].astype(int)))
    thick = np.flatnonzero(0.5 * (edges[1::2] - edges[::2]) > _DEEP)
    return float(y[edges[::2][thick[0]]]) if len(thick) else np.nan


def insulated(subject: torchio.Subject, way: np.ndarray, *, front: bool, core: float, coat: float) -> list[Shape]:
    """A cable on the skin along points (N, 2), x and z in world mm: copper in polyethylene, with their radii in mm."""
    from scipy.interpolate import CubicSpline

    fine = CubicSpline(np.arange(len(way)), way)(np.linspace(0, len(way) - 1, 12 * len(way)))
    heights = np.array([_surface(subject, x, z, front) for x, z in fine])
    known = np.flatnonzero(np.isfinite(heights))  # beside the body, a cable goes on as high as at its edge
    if len(known):
        heights = np.interp(np.arange(len(heights)), known, heights[known])
    else:
        heights[:] = skin(subject, *fine[0])
    heights = np.convolve(np.pad(heights, 4, mode="edge"), np.ones(9) / 9, mode="valid")  # it is stiffer than folds
    points = np.stack([fine[:, 0], heights + (coat if front else -coat), fine[:, 1]], 1)
    return [Wire(points, coat, "polyethylene"), Wire(points, core, "copper", displaces="polyethylene")]
