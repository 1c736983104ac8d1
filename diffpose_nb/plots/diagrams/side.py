"""Side views of source, patient and detector, and rows of pixels. Lengths are in millimetres."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ...camera import Camera, as_float64
from ..style import BLUE, GREEN, GREY, NOT_COMPARED, ORANGE, WIDTH, halo, panels

_PIXELS_IN_INSET = 4


def side_view(camera: Camera, sod: float, objects: Mapping[str, tuple[float, float, float]]) -> Figure:
    """Source, plane of the isocentre and detector from the side, with objects and the shadows that they cast.

    Parameters
    ----------
    camera
        The camera whose distance, detector height and pixel spacing are drawn.
    sod
        Distance from the source to the isocentre, mm.
    objects
        Name → (depth, bottom, top). The depth is the distance from the source along the optical axis, mm; bottom and
        top are heights above the axis, mm. An object whose bottom and top are equal is drawn as a point.
    """
    half = camera.shape[1] * camera.pixel_spacing[1] / 2
    across, up = (-45, camera.sid + 380), (-half - 95, half + 40)
    figure, ax = plt.subplots(figsize=(WIDTH, WIDTH * (up[1] - up[0]) / (across[1] - across[0])), layout="constrained")
    ax.plot([0, camera.sid], [0, 0], "--", color=GREY, linewidth=1)
    ax.plot([sod, sod], [-half, half], ":", color=GREY)
    ax.text(sod, half + 8, "plane of the isocentre", ha="center", color="0.35")
    ax.plot([camera.sid, camera.sid], [-half, half], color="black", linewidth=4, solid_capstyle="butt")
    ax.text(camera.sid, half + 8, "detector", ha="center")
    ax.plot(0, 0, "o", color="black", markersize=8)
    ax.text(0, 14, "source", ha="center")
    for (name, (depth, *heights)), color in zip(objects.items(), _colors(), strict=False):
        shadows = [height * camera.sid / depth for height in heights]
        for height, shadow in zip(heights, shadows, strict=True):
            ax.plot([0, camera.sid], [0, shadow], color=color, linewidth=1)
            ax.plot(depth, height, "o", color=color, markersize=5)
        ax.plot([depth, depth], heights, color=color, linewidth=4)
        ax.plot([camera.sid + 8, camera.sid + 8], shadows, color=color, linewidth=4)
        ax.plot(camera.sid + 8, shadows[0], "o", color=color, markersize=5)
        above = sum(heights) >= 0
        place = (depth - 8, max(heights) + 6) if above else (depth + 8, min(heights) - 10)
        align = {"ha": "right" if above else "center", "va": "bottom" if above else "top"}
        ax.text(*place, name, color=color, path_effects=halo(), zorder=5, **align)
        size = shadows[1] - shadows[0] if heights[0] != heights[1] else shadows[0]
        ax.text(camera.sid + 18, sum(shadows) / 2, f"{size:.1f} mm", color=color, va="center")
    _dimension(ax, (0, -half - 25), (sod, -half - 25), f"SOD {sod:g}")
    _dimension(ax, (0, -half - 65), (camera.sid, -half - 65), f"SID {camera.sid:g}")
    _pixel_inset(ax, camera)
    ax.set(xlim=across, ylim=up, aspect="equal")
    ax.set_axis_off()
    return figure


def _pixel_inset(ax: Axes, camera: Camera) -> None:
    """Draw a few pixels of the detector, much enlarged, with their spacing."""
    spacing, n = camera.pixel_spacing[1], _PIXELS_IN_INSET
    inset = ax.inset_axes((0.83, 0.02, 0.17, 0.42))
    for k in range(n):
        inset.add_patch(Rectangle((0, k), 0.6, 1, facecolor="0.9", edgecolor="black"))
        inset.plot(0.3, k + 0.5, ".", color="black")
    _dimension(inset, (0.9, 1.5), (0.9, 2.5), f"Δ = {spacing:g} mm", across=True)
    inset.set(xlim=(-0.3, 3.2), ylim=(-0.3, n + 0.9))
    inset.text(-0.2, n + 0.3, "pixels, enlarged", fontsize=9)
    inset.set_axis_off()


def pixel_rulers(columns: int, into: int, point: float) -> Figure:
    """One row of pixels in two resolutions. The outer edges stay where they are; the centres of the pixels do not.

    Parameters
    ----------
    columns, into
        Number of pixels before and after the change of resolution.
    point
        A column in the pixels before, where 0 is the centre of the first pixel. The drawing shows this place in both
        rows, with its column in each.
    """
    figure, ax = plt.subplots(figsize=(WIDTH, 2.5), layout="constrained")
    after = (point + 0.5) * into / columns - 0.5
    for n, bottom, color, value in [(columns, 1.5, BLUE, point), (into, 0.0, ORANGE, after)]:
        width = columns / n
        for k in range(n):
            ax.add_patch(Rectangle((k * width, bottom), width, 1, facecolor="white", edgecolor=color, linewidth=1.5))
            ax.plot((k + 0.5) * width, bottom + 0.62, ".", color=color)
            ax.text((k + 0.5) * width - 0.12, bottom + 0.25, str(k), ha="right", va="center", color=color)
        ax.text(-0.3, bottom + 0.5, f"{n} pixels", ha="right", va="center", color=color)
        ax.text(columns + 0.3, bottom + 0.5, f"here: {value:g}", ha="left", va="center", color=color)
    ax.plot([point + 0.5] * 2, [-0.2, 2.7], color="black")
    ax.set(xlim=(-2.2, columns + 2.2), ylim=(-0.3, 2.8))
    ax.set_axis_off()
    return figure


def in_pixels(
    images: Mapping[str, Tensor], points: Mapping[str, Tensor], moved: Mapping[str, Tensor] | None = None
) -> Figure:
    """Images side by side, each with axes in its own pixels, and points on them.

    Parameters
    ----------
    images
        Title → image (rows, columns). NaN is drawn in :data:`~diffpose_nb.plots.NOT_COMPARED`.
    points
        Title → points (N, 2) as (column, row), drawn as dots. Points outside the image are left out.
    moved
        Title → points (N, 2) to compare with ``points``. A line goes from each dot to its point here.
    """
    figure, axes = panels(len(images), across=2 if len(images) in (2, 4) else 3)
    for ax, (title, image) in zip(axes, images.items(), strict=True):
        rows, columns = image.shape
        low, high = np.nanquantile(np.asarray(image), (0.005, 0.995))
        greys = plt.get_cmap("gray").with_extremes(bad=NOT_COMPARED)
        ax.imshow(np.asarray(image), cmap=greys, vmin=low, vmax=high)
        limits = torch.tensor([columns, rows]) - 0.5
        dots = as_float64(points.get(title, torch.zeros(0, 2)))
        inside = ((dots > -0.5) & (dots < limits)).all(-1)
        if moved is not None and title in moved:
            ends = torch.stack([dots, as_float64(moved[title])])[:, inside]
            ax.plot(*ends.unbind(-1), color=ORANGE, linewidth=1.2)
        ax.plot(*dots[inside].T, "o", color=ORANGE, markeredgecolor="black", markersize=5.5)
        ax.set(title=title, xlabel="column", xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
        ax.locator_params(nbins=5)
    axes[0].set_ylabel("row")
    return figure


def spacing_trap(camera: Camera, sod: float, thing: float) -> Figure:
    """What a pixel spacing of the plane of the isocentre does when it is taken for that of the detector.

    Above, the C-arm as it was: a thing at the isocentre casts its shadow on some number of pixels. Below, the only
    C-arm of the same SID for which the thing covers as many of the smaller pixels: it has moved away from the patient.

    Parameters
    ----------
    camera
        The true camera.
    sod
        Distance from the source to the isocentre, mm. The thing is there.
    thing
        Length of the thing, mm.
    """
    shadow = thing * camera.sid / sod
    pixels = shadow / camera.pixel_spacing[0]
    calibrated = camera.pixel_spacing[0] * sod / camera.sid  # mm of the patient, per pixel
    cases = {
        f"the pixel is {camera.pixel_spacing[0]:.2f} mm, as at the detector": (sod, shadow, BLUE),
        f"the pixel is taken to be {calibrated:.2f} mm, as in the patient": (
            camera.sid * thing / (pixels * calibrated),
            pixels * calibrated,
            ORANGE,
        ),
    }
    across, up = (-1.12 * camera.sid, 0.62 * camera.sid), 1.9 * shadow
    height = 2 * (WIDTH * 2 * up / (across[1] - across[0]) + 0.3)
    figure, axes = plt.subplots(2, 1, figsize=(WIDTH, height), layout="constrained")
    for ax, (title, (away, seen, color)) in zip(axes, cases.items(), strict=True):
        source, detector = -away, camera.sid - away
        ax.plot([source, detector], [0, 0], "--", color=GREY, linewidth=1)
        ax.fill([source, detector, detector], [0, seen / 2, -seen / 2], color=color, alpha=0.15, linewidth=0)
        ax.plot([detector] * 2, [-1.1 * shadow, 1.1 * shadow], color="black", linewidth=3, solid_capstyle="butt")
        ax.plot([detector] * 2, [-seen / 2, seen / 2], color=color, linewidth=7, solid_capstyle="butt")
        ax.plot([0, 0], [-thing / 2, thing / 2], color="black", linewidth=4, solid_capstyle="butt")
        ax.plot(source, 0, "o", color="black", markersize=8)
        ax.text(source, 0.22 * shadow, "source", ha="center", va="bottom", path_effects=halo())
        ax.text(25, -0.75 * shadow, f"{thing:g} mm of the patient", va="top", path_effects=halo())
        label = f" {pixels:.0f} pixels = {seen:.1f} mm"
        ax.text(detector, 1.2 * shadow, label, color=color, ha="center", va="bottom", path_effects=halo())
        _dimension(ax, (source, -1.5 * shadow), (0, -1.5 * shadow), f"{away:.0f} mm from the source")
        ax.set(title=title, xlim=across, ylim=(-up, up), aspect="equal")
        ax.set_axis_off()
    return figure


def wrong_side(sid: float, sod: float, radius: float, depth: float) -> Figure:
    """The shadow of one point under two C-arms: the correct one, and one with source and detector exchanged.

    Parameters
    ----------
    sid, sod
        Distances from the source to the detector and to the isocentre, mm.
    radius, depth
        Position of the point: its distance from the optical axis, and its distance from the isocentre towards the
        detector of the correct C-arm, mm.
    """
    figure, axes = plt.subplots(2, 1, figsize=(WIDTH, 4.1), layout="constrained", sharex=True)
    for ax, side, color, title in zip(
        axes, (1, -1), (BLUE, ORANGE), ("the C-arm as it was", "source and detector exchanged"), strict=True
    ):
        shadow = sid * radius / (sod + side * depth)
        source, detector = -side * sod, side * (sid - sod)
        ax.plot([source, detector], [0, 0], "--", color=GREY, linewidth=1)
        ax.plot([source, detector], [0, shadow], color=color)
        ax.plot([detector] * 2, [-155, 155], color="black", linewidth=4, solid_capstyle="butt")
        ax.plot(source, 0, "o", color="black", markersize=8)
        ax.plot(0, 0, "+", color="black", markersize=12)
        ax.plot(depth, radius, "o", color="black", markersize=5)
        ax.plot(detector, shadow, "o", color=color)
        ax.annotate("source", (source, 0), (0, 9), textcoords="offset points", ha="center")
        ax.annotate("isocentre", (0, 0), (0, -17), textcoords="offset points", ha="center")
        ax.annotate(
            f"{shadow:.1f} mm", (detector, shadow), (9 * side, 0), textcoords="offset points",
            color=color, va="center", ha="left" if side > 0 else "right",
        )  # fmt: skip
        ax.set(title=title, xlim=(-sod - 60, sod + 60), ylim=(-170, 170), aspect="equal")
        ax.set_axis_off()
    return figure


def _dimension(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], label: str, across: bool = False
) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "<->", "shrinkA": 0, "shrinkB": 0})
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    place = {"ha": "left", "va": "center"} if across else {"ha": "center", "va": "bottom"}
    ax.text(x + (0.25 if across else 0), y + (0 if across else 4), label, **place)


def _colors() -> tuple[str, ...]:
    return BLUE, ORANGE, GREEN, "black"
