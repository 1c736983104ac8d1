"""The C-arm around a patient, drawn in two planes. Lengths are in millimetres."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from torch import Tensor

from ...camera import carm_pose, ras_from_lps
from ..style import BLUE, GREEN, GREY, ORANGE, WIDTH, halo

_BODY = {"left": 160.0, "front": 110.0, "head": 260.0}
"""Half the width, half the thickness and half the length of the torso that represents the patient, mm."""


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
    widths = [box.width + 580 for box in boxes]
    for ax, box, width in zip(axes, boxes, widths, strict=True):
        x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        ax.set(xlim=(x - width / 2, x + width / 2), ylim=(y - height / 2, y + height / 2))
    axes[0].get_gridspec().set_width_ratios(widths)
    figure.set_size_inches(WIDTH, WIDTH * height / sum(widths))


def _arc(ax: Axes, plane: tuple[Tensor, Tensor], start: Tensor, end: Tensor, label: str) -> None:
    """Draw the angle between two directions as an arc around the isocentre, and a line along ``start``."""
    flat = torch.stack(plane)
    first, last = (np.arctan2(*(flat @ direction).flip(0).tolist()) for direction in (start, end))
    turn = (last - first + np.pi) % (2 * np.pi) - np.pi
    angles = first + np.linspace(0, turn, 40)
    ax.plot(*(440 * (flat @ start)[:, None] * torch.tensor([[0.0, 1.0]])), color=GREY, linewidth=1)
    ax.plot(250 * np.cos(angles), 250 * np.sin(angles), color="black", linewidth=1.2)
    place = first - np.copysign(0.25, turn)
    aside = abs(np.cos(place)) > 0.5
    outwards = ("left" if np.cos(place) > 0 else "right") if aside else "center"  # away from the detector
    x, y = (420 if aside else 470) * np.array([np.cos(place), np.sin(place)])
    ax.text(x, y, label.replace("-", "−"), ha=outwards, va="center", path_effects=halo())


def _name_edges(ax: Axes, letters: str | tuple[str, ...]) -> None:
    for letter, place in zip(letters, ((0.04, 0.5), (0.96, 0.5), (0.5, 0.03), (0.5, 0.97)), strict=True):
        ax.text(*place, letter, transform=ax.transAxes, weight="bold", ha="center", va="center")


def _flesh() -> dict[str, object]:
    return {"facecolor": "0.93", "edgecolor": "0.75", "zorder": 0}
