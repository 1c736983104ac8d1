"""Pictures of derivatives: how an image changes with the pose, and how the shadows of points move in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from torch import Tensor

from ..camera import Camera, as_float64, transform_points
from .images import picture
from .style import BLUE, ORANGE, WIDTH

DIVERGING = LinearSegmentedColormap.from_list("blue-white-orange", ["#00304D", BLUE, "white", ORANGE, "#5C3A00"])
"""Colour map: blue for less, white for no change, orange for more. Colour-blind readers can read it, too."""


def derivative(image: Tensor, camera: Camera, ax: Axes, title: str = "", *, limit: float | None = None) -> Axes:
    """Draw a derivative image: white is 0, orange is positive, blue is negative.

    Parameters
    ----------
    image
        (rows, columns).
    limit
        Magnitude at which the colour is darkest; by default the 99.5 % quantile of the image's magnitude.
    """
    limit = _limit(image) if limit is None else limit
    return picture(image, camera, ax, title, cmap=DIVERGING, limits=(-limit, limit))


def derivatives(
    jacobian: Tensor,
    camera: Camera,
    titles: Sequence[str],
    units: tuple[str, str],
    image: Tensor | None = None,
) -> Figure:
    """Six derivative images: rotations in the upper row, translations in the lower one, with a colour bar for each row.

    Parameters
    ----------
    jacobian
        (6, rows, columns) derivatives of the image, rotations first.
    titles
        Titles of the six images.
    units
        Units of the two rows, for their colour bars.
    image
        (rows, columns) DRR to draw above the others. The appendix of DiffPose has it to the left of them.
    """
    first = 0 if image is None else 1
    figure, axes = plt.subplots(2 + first, 3, figsize=(WIDTH, 2.35 * (2 + first)), layout="constrained", sharey=True)
    for row, (line, unit) in enumerate(zip(axes[first:], units, strict=True)):
        three = jacobian[3 * row : 3 * row + 3]
        limit = _limit(three)
        for ax, values, title in zip(line, three, titles[3 * row : 3 * row + 3], strict=True):
            derivative(values, camera, ax, title, limit=limit)
        colors = ScalarMappable(Normalize(-limit, limit), DIVERGING)
        figure.colorbar(colors, ax=line[-1], label=unit, shrink=0.8)
    if image is not None:
        picture(image, camera, axes[0, 1], "DRR")
        for ax in axes[0, ::2]:
            ax.set_axis_off()
    for ax in axes.flat:
        ax.set(xlabel="", xticks=[], yticks=[])
    return figure


def motions(
    move: Callable[[Tensor], Tensor],
    camera: Camera,
    world_from_axes: Tensor,
    titles: Sequence[str],
    steps: Sequence[float],
    depth: float = 80.0,
    magnify: float = 10.0,
) -> Figure:
    """Arrows that show where the shadows of points go when the pose changes, one panel for each of six motions.

    Parameters
    ----------
    move
        Function from a twist (6,) to the moved pose ``world_from_camera`` (4, 4).
    world_from_axes
        (4, 4) frame with the camera's axes and its origin at a point in the patient. The points form two grids across
        the beam, ``depth`` mm in front of this origin and behind it.
    titles
        Titles of the six motions.
    steps
        Sizes of the six motions: three in radians, then three in mm.
    depth
        Distance of either grid from the origin, mm.
    magnify
        An arrow is this many times as long as the shadow's motion on the detector.
    """
    side = torch.linspace(-75, 75, 5, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    spacing, middle = torch.tensor(camera.pixel_spacing[::-1]), (torch.tensor(camera.shape[::-1]) - 1) / 2
    layers = [(depth, BLUE, "towards the detector"), (-depth, ORANGE, "towards the source")]
    figure, axes = plt.subplots(2, 3, figsize=(WIDTH, 5.3), layout="constrained", sharex=True, sharey=True)
    for ax, title, step, axis in zip(axes.flat, titles, steps, torch.eye(6, dtype=torch.float64), strict=True):
        for z, color, label in layers:
            points = transform_points(world_from_axes, torch.nn.functional.pad(grid, (0, 1), value=z))
            start, end = ((camera.project(points, move(twist)) - middle) * spacing for twist in (0 * axis, step * axis))
            arrows = magnify * (end - start)
            ax.quiver(
                *start.T, *arrows.T, color=color, angles="xy", scale_units="xy", scale=1, width=0.007, label=label
            )
        ax.set(title=title, aspect="equal")
    limits = [float(n * mm / 2) for n, mm in zip(camera.shape[::-1], spacing, strict=True)]
    axes[0, 0].set(xlim=(-limits[0], limits[0]), ylim=(limits[1], -limits[1]))
    for ax in axes[1]:
        ax.set(xlabel="mm at the detector")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def correlations(matrix: Tensor, names: Sequence[str], ax: Axes, title: str = "") -> Axes:
    """Draw a correlation matrix with its numbers, in the colours of :data:`DIVERGING`.

    Parameters
    ----------
    matrix
        (N, N) correlations from -1 to 1.
    names
        Names of the N rows and columns.
    """
    values = np.asarray(as_float64(matrix))
    ax.imshow(values, cmap=DIVERGING, vmin=-1, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        text = f"{value:.2f}".replace("-", "−") if row != column else ""
        ax.text(column, row, text, ha="center", va="center", color="white" if abs(value) > 0.6 else "black")
    ax.set(title=title, xticks=range(len(names)), yticks=range(len(names)))
    ax.set_xticklabels(names, rotation=45, ha="right")
    ax.set_yticklabels(names)
    return ax


def _limit(image: Tensor) -> float:
    return float(np.nanquantile(np.abs(np.asarray(image)), 0.995)) or 1.0
