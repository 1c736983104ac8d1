"""Drawings of one ray: through a CT, through a grid of voxels, and the values along it. Lengths are in millimetres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import ArrayLike
from scipy import ndimage
from torch import Tensor

from .style import BLUE, GREY, ORANGE, WIDTH

if TYPE_CHECKING:
    import torchio

_STEP = 0.2  # mm between the points of a drawn profile


def profile(subject: torchio.Subject, source: Tensor, pixel: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The attenuation along a ray.

    Parameters
    ----------
    source, pixel
        (3,) ends of the ray, world mm.

    Returns
    -------
    (ndarray, ndarray)
        Distances from the source (N,), every 0.2 mm, and the attenuation at each (N,), 1/mm, interpolated trilinearly.
    """
    source, pixel = (np.asarray(end, float) for end in (source, pixel))
    distance = np.arange(0, np.linalg.norm(pixel - source), _STEP)
    points = source + distance[:, None] / np.linalg.norm(pixel - source) * (pixel - source)
    inverse = np.linalg.inv(subject["density"].affine)
    voxels = points @ inverse[:3, :3].T + inverse[:3, 3]
    # beyond the centres of the outermost voxels the values fall to 0 within one voxel, as in the renderer
    mu = ndimage.map_coordinates(subject["density"].data[0].numpy(), voxels.T, order=1, mode="grid-constant")
    return distance, mu


def ray_through_slice(subject: torchio.Subject, source: Tensor, pixel: Tensor) -> Figure:
    """A ray in an axial slice, the attenuation along it, and the integral of the attenuation up to each point.

    Parameters
    ----------
    source, pixel
        (3,) ends of the ray, world mm, with the same z.

    Raises
    ------
    ValueError
        The ray leaves the slice.
    """
    import torchio

    if abs(float(source[2] - pixel[2])) > 1e-6:
        raise ValueError(f"the ray runs from z = {source[2]:g} to {pixel[2]:g} mm: a slice holds one z")
    distance, values = profile(subject, source, pixel)
    inside = np.flatnonzero(values)
    shown = slice(max(inside[0] - 250, 0), inside[-1] + 250)
    figure = plt.figure(figsize=(WIDTH, 4.0), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.15))

    ax = left.subplots()
    image = torchio.ToCanonical()(subject["density"])
    k = round((float(source[2]) - image.affine[2, 3]) / image.spacing[2])
    half = [n * mm / 2 for n, mm in zip(image.spatial_shape, image.spacing, strict=True)]
    # turned as radiologists show slices: seen from the feet, the front up, the patient's left on the right
    pixels = image.data[0, :, :, k].numpy()[::-1, ::-1].T
    ax.imshow(pixels, cmap="gray", vmax=0.03, extent=(half[0], -half[0], -half[1], half[1]))
    ends = torch.stack([source, pixel])
    ax.plot(ends[:, 0], ends[:, 1], color=ORANGE, linewidth=2)
    direction = (ends[1, :2] - ends[0, :2]) / (ends[1] - ends[0]).norm()
    leaves = ends[0, :2] + distance[inside[-1]] * direction
    ax.annotate("", leaves + 25 * direction, leaves, arrowprops={"arrowstyle": "-|>", "color": ORANGE, "linewidth": 2})
    ax.set(xlim=(half[0], -half[0]), ylim=(-half[1], half[1]), xlabel="right, mm", ylabel="front, mm")
    ax.set_title("the CT, and a ray from behind")

    above, below = right.subplots(2, 1, sharex=True)
    above.fill_between(distance[shown], values[shown], color=BLUE, alpha=0.35, linewidth=0)
    above.plot(distance[shown], values[shown], color=BLUE, linewidth=1)
    above.set(ylabel="μ, 1/mm", title="what the ray meets")
    running = np.cumsum(values) * _STEP
    below.plot(distance[shown], running[shown], color=ORANGE, linewidth=2)
    end = distance[shown][-1]
    below.plot(end, running[-1], "o", color=ORANGE, clip_on=False)
    label = f"the pixel: {running[-1]:.2f}"
    below.annotate(label, (end, running[-1]), (4, -34), textcoords="offset points", ha="right")
    below.set(ylabel="sum so far", xlabel="distance from the source, mm", ylim=(0, None))
    return figure


def grid(
    values: ArrayLike, spacing: float, start: Sequence[float], end: Sequence[float], points: ArrayLike | None = None
) -> Figure:
    """Draw a ray through a small grid of voxels.

    Parameters
    ----------
    values
        (I, J) values of the voxels: [i, j] is the i-th voxel from the left and the j-th from below.
    spacing
        Side of a voxel, mm. The grid's lower left corner is the origin.
    start, end
        (2,) ends of the ray, mm.
    points
        (N, 2) points where the ray crosses faces of voxels, mm. The pieces between them are drawn in two colours in
        turn, each with its length.
    """
    values = np.asarray(values, float)
    size = spacing * np.array(values.shape)
    figure, ax = plt.subplots(figsize=(5.4, 4.7), layout="constrained")
    ax.imshow(values.T, cmap="Greys", vmin=0, vmax=2.2 * values.max(), origin="lower", extent=(0, size[0], 0, size[1]))
    ax.vlines(spacing * np.arange(values.shape[0] + 1), 0, size[1], color="black", linewidth=0.8)
    ax.hlines(spacing * np.arange(values.shape[1] + 1), 0, size[0], color="black", linewidth=0.8)
    for (i, j), value in np.ndenumerate(values):
        place = spacing * np.array([i + 0.06, j + 0.07])
        ax.text(*place, f"{value:g}", color="0.2")
    (x0, y0), (x1, y1) = start, end
    arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.5}
    ax.annotate("", (x1, y1), (x0, y0), arrowprops=arrow, zorder=1)
    if points is not None:
        points = np.asarray(points, float)
        across = np.array([y1 - y0, x0 - x1]) / np.hypot(x1 - x0, y1 - y0)
        for n, (a, b) in enumerate(pairwise(points)):  # lengths stand on alternate sides, or they would overlap
            color, side = ((BLUE, 1), (ORANGE, -1))[n % 2]
            ax.plot(*np.stack([a, b]).T, color=color, linewidth=4, solid_capstyle="butt", zorder=2)
            place = (a + b) / 2 + side * 0.26 * spacing * across
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}
            length = f"{np.linalg.norm(b - a):.2f}"
            ax.text(*place, length, color=color, weight="bold", ha="center", va="center", bbox=box)
        ax.plot(*points.T, "o", color="black", markersize=5, zorder=3)
    ax.set(xlim=(-0.6 * spacing, size[0] + 0.6 * spacing), ylim=(-0.1 * spacing, size[1] + 0.4 * spacing))
    ax.set(xlabel="mm", ylabel="mm", xticks=spacing * np.arange(values.shape[0] + 1))
    ax.set_yticks(spacing * np.arange(values.shape[1] + 1))
    for side in ax.spines.values():
        side.set_visible(False)
    return figure


def steps_and_ramps(values: ArrayLike, spacing: float) -> Figure:
    """One row of voxels as two renderers read it: constant within each voxel, or linear between the centres.

    Parameters
    ----------
    values
        (N,) attenuation of the voxels, 1/mm. Outside the row it is 0.
    spacing
        Side of a voxel, mm.
    """
    values = np.pad(np.asarray(values, float), 1)
    centres = spacing * (np.arange(len(values)) - 0.5)
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.7), layout="constrained", sharey=True)
    fine = np.linspace(centres[0], centres[-1], 50 * len(values))
    nearest = values[np.clip(np.rint((fine - centres[0]) / spacing).astype(int), 0, len(values) - 1)]
    ramps = np.interp(fine, centres, values)
    for ax, curve, color, title in zip(
        axes,
        (nearest, ramps),
        (BLUE, ORANGE),
        ("Siddon: a step a voxel", "trilinear: ramps between centres"),
        strict=True,
    ):
        ax.fill_between(fine, curve, color=color, alpha=0.3, linewidth=0)
        ax.plot(fine, curve, color=color)
        ax.plot(centres[1:-1], values[1:-1], "o", color="black", markersize=5)
        for face in spacing * np.arange(len(values) - 1):
            ax.axvline(face, color=GREY, linewidth=0.6, linestyle=":")
        ax.set(title=title, xlabel="along the row, mm")
    axes[0].set_ylabel("μ, 1/mm")
    return figure


def errors(curves: Mapping[str, tuple[str, Sequence[tuple[float, float, float]]]]) -> Figure:
    """Errors of two renderers on logarithmic axes: against each renderer's setting, and against time.

    A dotted line shows the slope of a method of second order.

    Parameters
    ----------
    curves
        Name of a renderer → (name of its setting, rows of (setting, relative error, seconds)). There are two of them.
    """
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 3.3), layout="constrained", sharey=True)
    for ax, (name, (setting, rows)), color, marker in zip(axes, curves.items(), (BLUE, ORANGE), "os", strict=False):
        values, error, seconds = np.array(rows, float).T
        ax.loglog(values, 100 * error, marker + "-", color=color)
        falls = np.polyfit(np.log(values), np.log(error), 1)[0] < 0
        ends = values[[0, -1]]
        middle = np.exp(np.log(values).mean())
        height = 100 * np.exp(np.log(error).mean())
        ax.loglog(ends, height * (ends / middle) ** (-2 if falls else 2), ":", color=GREY)
        ax.set_title(name, color=color)
        ax.set_xlabel(setting)
        ax.set_xticks(values, [f"{value:g}" for value in values])
        axes[2].loglog(1000 * seconds, 100 * error, marker + "-", color=color)
    axes[0].set_ylabel("mean error, %")
    axes[2].set(xlabel="time, ms", title="what it costs")
    axes[2].xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes[2].xaxis.set_major_formatter("{x:g}")
    for ax in axes:
        ax.xaxis.set_minor_locator(NullLocator())
        ax.grid(alpha=0.25)
    return figure
