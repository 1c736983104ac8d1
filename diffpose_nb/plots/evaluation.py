"""Pictures of registration errors: what each error measures, what it misses, and how often it is small."""

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
from .style import BLUE, GREEN, GREY, ORANGE, PURPLE, WIDTH, fit, halo, panels

_COLORS = (GREY, ORANGE, GREEN, BLUE)
"""Colours of the curves, one for each method, in the order in which the methods are given."""
_DASHES = (":", "-", "-.", "--")
_SID, _TRUE, _ESTIMATED = 100.0, (50.0, 8.0), (66.0, 22.0)
"""Lengths of the sketch in :func:`what_is_measured`, without a unit: the distance from source to detector, and the
landmark in camera coordinates, (depth, height), at the true pose and at the estimated one."""
_CAMERA_MOVES = (9.0, -3.0, 7.0)
"""Error of the estimated camera in the right half of the sketch, in the CT's frame: depth and height, without a unit,
and the rotation, degrees."""


def what_is_measured() -> Figure:
    """A sketch of four errors for one landmark, from the side.

    The left half is drawn in the camera's frame and shows mTRE, mPE and mRPD. The right half is drawn in the CT's frame
    and shows the error that DiffPose reports.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(WIDTH, 2.4), layout="constrained", width_ratios=[1, 1.05], sharey=True
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
    ax.text(true[0], true[1] - 3, "truly", ha="center", va="top", path_effects=halo())
    ax.text(estimated[0], estimated[1] + 3, "by the estimate", ha="center", va="bottom", path_effects=halo())
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
    ax.set_xlim(-4, 143)
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
    ax.text(*((begin + end) / 2 + offset), name, color=color, ha=align, va="center", weight="bold", path_effects=halo())


def blindness(errors: pd.DataFrame) -> Figure:
    """Bars of several errors for the same motions of the camera, one panel for each motion.

    A short bar means that this error hardly depends on that motion.

    Parameters
    ----------
    errors
        Errors, mm. One row for each motion and one column for each error; their names become titles and labels.
    """
    across = 2 if len(errors) in (2, 4) else 3
    figure, axes = panels(len(errors), across=across, shape=0.45, sharex=True, sharey=True)
    places = np.arange(errors.shape[1])
    for ax, (motion, values) in zip(axes, errors.iterrows(), strict=True):
        bars = ax.barh(places, values, color=[color for color, _ in zip(cycle(_BARS), places, strict=False)])
        ax.bar_label(bars, fmt="%.1f", padding=3)
        ax.set_title(motion, fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set(yticks=places, yticklabels=errors.columns, xlim=(0, 1.25 * errors.to_numpy().max()))
    axes[0].invert_yaxis()
    figure.supxlabel("mm", fontsize="medium")
    return figure


_BARS = (BLUE, ORANGE, GREEN, PURPLE)
"""Colours of the bars, as in :func:`what_is_measured`: mTRE, mPE, mRPD, DiffPose's error."""


def success_curves(
    curves: Mapping[str, pd.DataFrame], ax: Axes | None = None, marks: Sequence[float] = (1.0, 10.0)
) -> Axes:
    """Success rate against the threshold, with its interval; one curve for each method.

    Parameters
    ----------
    curves
        Method → table of :func:`diffpose_nb.evaluate.success_curve`.
    ax
        The axes to draw on; by default a new figure is made.
    marks
        Thresholds at which a vertical line is drawn, mm.
    """
    ax = plt.subplots(figsize=(6.8, 3.8), layout="constrained")[1] if ax is None else ax
    for mark in marks:
        ax.axvline(mark, color="0.85", linewidth=1, zorder=0)
    for (method, curve), color, dash in zip(curves.items(), cycle(_COLORS), cycle(_DASHES), strict=False):
        ax.fill_between(curve.index, curve.low, curve.high, color=color, alpha=0.2, linewidth=0)
        ax.plot(curve.index, curve.value, dash, color=color, label=method)
    ax.set(xscale="log", xlabel="threshold, mm of mTRE", ylabel="share of X-rays below it", ylim=(-0.02, 1.03))
    limits = [curve.index.to_numpy() for curve in curves.values()]
    _plain_ticks(ax, min(values.min() for values in limits), max(values.max() for values in limits))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
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
    """Success rate against how far off the registrations began, with its interval.

    Parameters
    ----------
    shares
        Method → table of :func:`diffpose_nb.evaluate.success_by_start`.
    xlabel
        Label of the horizontal axis: what "far off" means, and its unit.
    level
        Name and success rate of a method that needs no start. It is drawn as a horizontal line with its interval.
    edge
        Name of a limit, and its place on the horizontal axis. The range below it is shaded.
    ticks
        Place on the horizontal axis → label.
    """
    colors = (ORANGE, BLUE, GREEN) if level else (BLUE, GREEN, ORANGE)
    if edge is not None:
        name, place = edge
        ax.axvspan(0, place, color="0.94", zorder=0)
        ax.text(place, 0.02, f"{name} ", ha="right", va="bottom", color="0.35", path_effects=halo())
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
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=1)
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
        The renderer of the CT for the X-rays' camera.
    xrays
        X-rays of the same camera.
    poses
        Method → one pose (4, 4) for each X-ray.
    errors
        Method → one mTRE for each X-ray, mm. It is written above the picture.
    """
    columns = len(xrays)
    figure, axes = plt.subplots(
        len(poses), columns, figsize=fit(2.35 * columns, 2.5 * len(poses)), layout="constrained", squeeze=False
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
    """Format a table of :func:`diffpose_nb.evaluate.summary` for reading: with units, and intervals in brackets.

    Parameters
    ----------
    summary
        The table, one row for each method.
    success, gross
        The thresholds that the table was made with, mm. They are written into the names of the columns.

    Returns
    -------
    DataFrame
        Texts, one row for each method.
    """

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
