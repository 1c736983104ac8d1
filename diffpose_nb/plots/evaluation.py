"""Pictures of errors: what each of them measures and does not see, and how often they are small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from ..evaluate import Interval
from ..images import XRay, open_field
from ..render import Renderer
from .images import overlay, picture
from .style import BLUE, GREEN, GREY, ORANGE, PURPLE

_COLORS = (GREY, ORANGE, GREEN, BLUE)
"""By method: what is there without any work, guesses, and what came of work."""
_DASHES = (":", "-", "-.", "--")
_SID, _TRUE, _ESTIMATED = 100.0, (50.0, 8.0), (66.0, 22.0)
"""Of the sketch: source to detector; a landmark in camera coordinates, (depth, height), by either pose."""
_CAMERA_MOVES = (9.0, -3.0, 7.0)
"""Of the sketch: depth, height, degrees by which the estimated camera is off, seen from the CT."""


def what_is_measured() -> Figure:
    """A sketch of the four errors for one landmark, from the side: three in the camera, DiffPose's in the CT."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10.5, 3.2), layout="constrained", width_ratios=[1, 1.05], sharey=True
    )
    _in_the_camera(left)
    _in_the_ct(right)
    for ax in (left, right):
        ax.set_aspect("equal")
        ax.set_axis_off()
    return figure


def _in_the_camera(ax: Axes) -> None:
    true, estimated = np.array(_TRUE), np.array(_ESTIMATED)
    _camera(ax, (0, 0), 0, "black", "source", "detector")
    seen = [point * _SID / point[0] for point in (true, estimated)]
    for end in seen:
        ax.plot(*zip((0, 0), end, strict=True), color=GREY, linewidth=0.8)
        ax.plot(*end, "o", color="black", markersize=3)
    ray = true / np.linalg.norm(true)
    foot = (estimated @ ray) * ray
    _length(ax, true, estimated, BLUE, "mTRE", (-6, 7), "right")
    _length(ax, foot, estimated, GREEN, "mRPD", (2, 0), "left")
    _length(ax, *seen, ORANGE, "mPE", (3, 0), "left")
    ax.plot(*true, "o", color="black", markersize=6)
    ax.plot(*estimated, "o", color="black", markersize=6, markerfacecolor="white")
    ax.text(true[0], true[1] - 3, "truly", ha="center", va="top", fontsize="small")
    ax.text(estimated[0], estimated[1] + 3, "by the estimate", ha="center", va="bottom", fontsize="small")
    ax.set_title("Seen from the camera: the anatomy is off", fontsize="medium")


def _in_the_ct(ax: Axes) -> None:
    true = np.array(_TRUE)
    depth, height, degrees = _CAMERA_MOVES
    source = np.array([depth, height])
    axis = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    _camera(ax, (0, 0), 0, "black", "truly", "")
    _camera(ax, source, degrees, GREY, "by the estimate", "")
    ends = [true * _SID / true[0], source + (true - source) * _SID / ((true - source) @ axis)]
    for begin, end, color in zip(((0, 0), source), ends, ("black", GREY), strict=True):
        ax.plot(*zip(begin, end, strict=True), color=color, linewidth=0.8)
        ax.plot(*end, "o", color=color, markersize=3)
    _length(ax, *ends, PURPLE, "DiffPose's", (6, 0), "left")
    ax.plot(*true, "o", color="black", markersize=6)
    ax.set_xlim(-4, 126)
    ax.set_title("Seen from the CT: the camera is off", fontsize="medium")


def _camera(ax: Axes, source: Sequence[float], degrees: float, color: str, name: str, detector: str) -> None:
    source = np.asarray(source, float)
    along = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    across = np.array([-along[1], along[0]])
    middle = source + _SID * along
    ax.plot(*zip(source, middle, strict=True), "--", color=color, linewidth=0.7)
    ax.plot(*zip(middle - 12 * across, middle + 28 * across, strict=True), color=color, linewidth=3)
    ax.plot(*source, "o", color=color, markersize=8)
    ax.text(source[0], source[1] - 4, name, color=color, ha="left" if degrees else "center", va="top")
    ax.text(*(middle - 13 * across), detector, color=color, ha="center", va="top")


def _length(
    ax: Axes, begin: np.ndarray, end: np.ndarray, color: str, name: str, offset: tuple[float, float], align: str
) -> None:
    ax.plot(*zip(begin, end, strict=True), color=color, linewidth=3.5, solid_capstyle="butt")
    ax.text(*((begin + end) / 2 + offset), name, color=color, ha=align, va="center", weight="bold")


def blindness(errors: pd.DataFrame) -> Figure:
    """Bars of several errors for the same motions, a panel a motion.

    Parameters
    ----------
    errors
        mm; a row for each motion, a column for each error, named as they shall be labelled.
    """
    figure, axes = plt.subplots(
        1, len(errors), figsize=(2.75 * len(errors), 2.3), layout="constrained", sharex=True, sharey=True, squeeze=False
    )
    places = np.arange(errors.shape[1])
    for ax, (motion, values) in zip(axes[0], errors.iterrows(), strict=True):
        bars = ax.barh(places, values, color=[color for color, _ in zip(cycle(_BARS), places, strict=False)])
        ax.bar_label(bars, fmt="%.1f", padding=3)
        ax.set_title(motion, fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set(yticks=places, yticklabels=errors.columns, xlim=(0, 1.2 * errors.to_numpy().max()))
    axes[0, 0].invert_yaxis()
    figure.supxlabel("mm", fontsize="medium")
    return figure


_BARS = (BLUE, ORANGE, GREEN, PURPLE)
"""In the colours of the sketch: mTRE, mPE, mRPD, DiffPose's."""


def success_curves(
    curves: Mapping[str, pd.DataFrame], ax: Axes | None = None, marks: Sequence[float] = (1.0, 10.0)
) -> Axes:
    """Success rate against the threshold, with its interval; one curve a method.

    Parameters
    ----------
    curves
        By method, of :func:`diffpose_nb.evaluate.success_curve`.
    marks
        Thresholds to mark, mm.
    """
    ax = plt.subplots(figsize=(7, 3.8), layout="constrained")[1] if ax is None else ax
    for mark in marks:
        ax.axvline(mark, color="0.85", linewidth=1, zorder=0)
    for (method, curve), color, dash in zip(curves.items(), cycle(_COLORS), cycle(_DASHES), strict=False):
        ax.fill_between(curve.index, curve.low, curve.high, color=color, alpha=0.2, linewidth=0)
        ax.plot(curve.index, curve.value, dash, color=color, label=method)
    ax.set(xscale="log", xlabel="threshold, mm of mTRE", ylabel="share of X-rays below it", ylim=(-0.02, 1.03))
    limits = [curve.index.to_numpy() for curve in curves.values()]
    _plain_ticks(ax, min(values.min() for values in limits), max(values.max() for values in limits))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, fontsize="small")
    return ax


def success_by_start(
    shares: Mapping[str, pd.DataFrame],
    ax: Axes,
    xlabel: str,
    *,
    level: tuple[str, Interval] | None = None,
    edge: tuple[str, float] | None = None,
    ticks: Mapping[float, str] | None = None,
) -> Axes:
    """Success rates of registrations that began ever further off, with their intervals.

    Parameters
    ----------
    shares
        By method, of :func:`diffpose_nb.evaluate.success_by_start`.
    level
        Name and rate of a method that does not ask where one starts: a line across, with its interval.
    edge
        Name and place on the axis across of a limit; what is below it is shaded.
    ticks
        Place and label on the axis across.
    """
    colors = (ORANGE, BLUE, GREEN) if level else (BLUE, GREEN, ORANGE)
    if edge is not None:
        name, place = edge
        ax.axvspan(0, place, color="0.94", zorder=0)
        ax.text(place, 0.02, f"{name} ", ha="right", va="bottom", color="0.35", fontsize="small")
    if level is not None:
        name, (value, low, high) = level
        ax.axhspan(low, high, color=BLUE, alpha=0.2, linewidth=0)
        ax.axhline(value, color=BLUE, label=name)
    if ticks is not None:
        ax.set_xticks(list(ticks), list(ticks.values()))
        ax.set_xlim(min(ticks), max(ticks))
    for (method, rows), color, marker in zip(shares.items(), cycle(colors), cycle("os^"), strict=False):
        spread = np.stack([rows.value - rows.low, rows.high - rows.value]).clip(0)
        ax.errorbar(rows.start, rows.value, spread, color=color, marker=marker, capsize=3, linewidth=1.2, label=method)
    ax.set(xlabel=xlabel, ylabel="share that succeeds", ylim=(-0.03, 1.03))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize="small")
    return ax


def overlays(
    renderer: Renderer,
    xrays: Sequence[XRay],
    poses: Mapping[str, Sequence[Tensor]],
    errors: Mapping[str, Sequence[float]],
) -> Figure:
    """X-rays in blue and DRRs in orange on top of each other: a column for each X-ray, a row for each method.

    Parameters
    ----------
    renderer
        Of the X-rays' camera.
    poses
        By method, a pose (4, 4) for each X-ray.
    errors
        By method, mm of mTRE, written above each.
    """
    columns = len(xrays)
    figure, axes = plt.subplots(
        len(poses), columns, figsize=(2.2 * columns, 2.45 * len(poses)), layout="constrained", squeeze=False
    )
    observed = [xray.attenuation() for xray in xrays]
    seen = [image.where(open_field(image), torch.nan) for image in observed]
    for row, (method, some) in zip(axes, poses.items(), strict=True):
        for ax, pose, image, error in zip(row, some, seen, errors[method], strict=True):
            with torch.no_grad():
                both = overlay(renderer(pose)[0, 0], image)
            picture(both, renderer.camera, ax, f"{error:.1f} mm")
            ax.set(xticks=[], yticks=[], xlabel="")
        row[0].set_ylabel(method)
    return figure


def as_printed(summary: pd.DataFrame, success: float = 1.0, gross: float = 10.0) -> pd.DataFrame:
    """A table of :func:`diffpose_nb.evaluate.summary` in units, with its intervals in brackets."""

    def percent(row: pd.Series, name: str) -> str:
        value, low, high = (100 * row[column] for column in (name, f"{name}_low", f"{name}_high"))
        return f"{value:.0f} % ({low:.0f}–{high:.0f})"

    rows = {}
    for method, row in summary.iterrows():
        rows[method] = {
            "median, mm": f"{row['median']:.2f} ({row.median_low:.2f}–{row.median_high:.2f})",
            "95 %, mm": f"{row.p95:.2f}",
            "mean ± SD": f"{row['mean']:.2f} ± {row['std']:.2f}",
            f"< {success:g} mm": percent(row, "success"),
            f"> {gross:g} mm": percent(row, "gross"),
            "s": f"{row.seconds:.2g}",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _plain_ticks(ax: Axes, low: float, high: float) -> None:
    ticks = [mm for mm in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if low <= mm <= high]
    ax.set_xticks(ticks, [f"{mm:g}" for mm in ticks])
    ax.minorticks_off()
    ax.set_xlim(low, high)
