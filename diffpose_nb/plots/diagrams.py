"""Drawings, to scale, that explain where source, patient and detector are. Lengths are in millimetres."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from torch import Tensor

from ..camera import Camera, as_float64, carm_pose, ras_from_lps
from .style import BLUE, GREEN, GREY, ORANGE, WIDTH, halo, panels

_BODY = {"left": 160.0, "front": 110.0, "head": 260.0}
"""Half the width, half the thickness and half the length of the torso that represents the patient, mm."""
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
        Title → image (rows, columns).
    points
        Title → points (N, 2) as (column, row), drawn as dots. Points outside the image are left out.
    moved
        Title → points (N, 2) to compare with ``points``. A line goes from each dot to its point here.
    """
    figure, axes = panels(len(images), across=2 if len(images) in (2, 4) else 3)
    for ax, (title, image) in zip(axes, images.items(), strict=True):
        rows, columns = image.shape
        low, high = np.nanquantile(np.asarray(image), (0.005, 0.995))
        ax.imshow(np.asarray(image), cmap="gray", vmin=low, vmax=high)
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


def carm(
    primary: float, secondary: float, sid: float, sod: float, *, image_axes: bool = False, camera_axes: bool = False
) -> Figure:
    """A C-arm around a patient, drawn twice: in the transaxial plane, and in the plane of the arm's tilt.

    Parameters
    ----------
    primary, secondary
        Positioner angles, degrees.
    sid, sod
        Distances from the source to the detector and to the isocentre, mm.
    image_axes
        Also draw, at the detector, the directions u and v in which the image's columns and rows increase.
    camera_axes
        Also draw, at the source, the axes x, y and z of the camera.
    """
    pose = ras_from_lps @ carm_pose(primary, secondary, sod)
    x, y, d, source = pose[:3, :4].T
    arrows = {"d": (torch.zeros_like(d), d, BLUE)}
    detector = (sid - sod) * d
    if image_axes:
        arrows |= {"u": (detector, -x, ORANGE), "v": (detector, y, GREEN)}
    if camera_axes:
        arrows |= {"x": (source, x, ORANGE), "y": (source, y, GREEN), "z": (source, d, BLUE)}
    alpha = np.deg2rad(primary)
    level = torch.tensor([np.sin(alpha), -np.cos(alpha), 0.0], dtype=torch.float64)  # d at secondary angle 0
    left, front, head = torch.eye(3, dtype=torch.float64) * torch.tensor([[1.0], [-1.0], [1.0]])
    thickness = float(np.hypot(_BODY["left"] * np.sin(alpha), _BODY["front"] * np.cos(alpha)))

    figure, (above, beside) = plt.subplots(1, 2, figsize=(WIDTH, 5.0), layout="constrained")
    above.add_patch(Ellipse((0, 0), 2 * _BODY["left"], 2 * _BODY["front"], **_flesh()))
    _draw_arm(above, (left, front), source, detector, -x, arrows)
    _arc(above, (left, front), front, level, f"α = {primary:g}°")
    above.set(title="seen from the patient's feet")
    _name_edges(above, "RLPA")

    beside.add_patch(Rectangle((-thickness, -_BODY["head"]), 2 * thickness, 2 * _BODY["head"], **_flesh()))
    _draw_arm(beside, (-level, head), source, detector, y, arrows)
    _arc(beside, (-level, head), level, d, f"β = {secondary:g}°")
    beside.set(title="in the plane of the tilt")
    _name_edges(beside, ("", "", "F", "H"))
    _same_scale(figure, above, beside)
    return figure


def _draw_arm(
    ax: Axes,
    plane: tuple[Tensor, Tensor],
    source: Tensor,
    detector: Tensor,
    along: Tensor,
    arrows: Mapping[str, tuple[Tensor, Tensor, str]],
) -> None:
    """Draw source, detector and beam in a plane.

    Parameters
    ----------
    plane
        Two unit vectors: the direction to the right in the drawing, and the direction upwards.
    source, detector
        (3,) where they are, mm from the isocentre.
    along
        (3,) direction of the detector's edge that is drawn.
    arrows
        Name → (start, direction, colour).
    """
    flat = torch.stack(plane)
    ends = torch.stack([detector - 155 * along, detector + 155 * along]) @ flat.T
    ax.plot(*torch.stack([flat @ source, flat @ detector]).T, "--", color=GREY, linewidth=1)
    ax.plot(*ends.T, color="black", linewidth=5, solid_capstyle="butt")
    ax.plot(*(flat @ source), "o", color="black", markersize=9)
    ax.plot(0, 0, "+", color="black", markersize=12)
    ax.annotate("source", flat @ source, (12, -4), textcoords="offset points", path_effects=halo())
    ax.annotate("isocentre", (0, 0), (8, -16), textcoords="offset points", path_effects=halo())
    for name, (start, step, color) in arrows.items():
        origin, reach = flat @ start, 190 * flat @ step
        if reach.norm() < 0.2 * 190:  # about perpendicular to the paper: a dot points to us, a cross away
            towards_us = torch.linalg.cross(*plane) @ step > 0
            ax.plot(*origin, "o", color=color, markersize=14, markerfacecolor="white", zorder=4)
            ax.plot(*origin, "." if towards_us else "x", color=color, markersize=8, zorder=5)
            bold = {"color": color, "weight": "bold", "fontsize": 13, "path_effects": halo()}
            ax.annotate(name, origin, (12, 8), textcoords="offset points", zorder=6, **bold)
            continue
        tip = origin + reach
        ax.update_datalim([tip.tolist()])
        ax.annotate("", tip, origin, arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 2.2})
        place = tip + 45 * reach / reach.norm()
        bold = {"color": color, "weight": "bold", "fontsize": 13, "path_effects": halo()}
        ax.text(*place, name, ha="center", va="center", zorder=6, **bold)
    ax.set_aspect("equal")
    ax.set(xticks=[], yticks=[])


def _same_scale(figure: Figure, *axes: Axes) -> None:
    """Give panels the same height and the same scale; each becomes as wide as its content needs."""
    boxes = [ax.dataLim for ax in axes]
    height = max(box.height for box in boxes) + 300
    widths = [box.width + 520 for box in boxes]
    for ax, box, width in zip(axes, boxes, widths, strict=True):
        x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        ax.set(xlim=(x - width / 2, x + width / 2), ylim=(y - height / 2, y + height / 2))
    axes[0].get_gridspec().set_width_ratios(widths)
    figure.set_size_inches(WIDTH, WIDTH * height / sum(widths))


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


def _arc(ax: Axes, plane: tuple[Tensor, Tensor], start: Tensor, end: Tensor, label: str) -> None:
    """Draw the angle between two directions as an arc around the isocentre, and a line along ``start``."""
    flat = torch.stack(plane)
    first, last = (np.arctan2(*(flat @ direction).flip(0).tolist()) for direction in (start, end))
    turn = (last - first + np.pi) % (2 * np.pi) - np.pi
    angles = first + np.linspace(0, turn, 40)
    ax.plot(*(440 * (flat @ start)[:, None] * torch.tensor([[0.0, 1.0]])), color=GREY, linewidth=1)
    ax.plot(250 * np.cos(angles), 250 * np.sin(angles), color="black", linewidth=1.2)
    place = first - np.copysign(0.25, turn)
    ax.text(
        470 * np.cos(place), 470 * np.sin(place), label.replace("-", "−"), ha="center", va="center", path_effects=halo()
    )


def _name_edges(ax: Axes, letters: str | tuple[str, ...]) -> None:
    for letter, place in zip(letters, ((0.04, 0.5), (0.96, 0.5), (0.5, 0.03), (0.5, 0.97)), strict=True):
        ax.text(*place, letter, transform=ax.transAxes, weight="bold", ha="center", va="center")


def _dimension(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], label: str, across: bool = False
) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "<->", "shrinkA": 0, "shrinkB": 0})
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    place = {"ha": "left", "va": "center"} if across else {"ha": "center", "va": "bottom"}
    ax.text(x + (0.25 if across else 0), y + (0 if across else 4), label, **place)


def _flesh() -> dict[str, object]:
    return {"facecolor": "0.93", "edgecolor": "0.75", "zorder": 0}


def _colors() -> tuple[str, ...]:
    return BLUE, ORANGE, GREEN, "black"
