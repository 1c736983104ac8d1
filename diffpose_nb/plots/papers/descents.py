"""Errors on the way of a descent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from ...similarity.landscapes import NAMES, UNITS
from ..style import BLUE, GREEN, ORANGE, PURPLE
from .saving import in_large_letters, panels, plain_log


@in_large_letters
def bands(curves: Mapping[str, pd.DataFrame], reference: str | None = None, only: str | None = None) -> Figure:
    """Error against iteration: the median over many starts and a band, one panel for each way.

    Parameters
    ----------
    curves
        Name → table with the columns ``median``, ``low`` and ``high``, mm, by the iteration, as
        :func:`diffpose_nb.study.papers.traces.band` gives them.
    reference
        Name of a curve whose median is drawn dashed in each panel, to compare with.
    only
        Name of the one curve to draw, in one larger panel.
    """
    shown = {only: curves[only]} if only else dict(curves)
    columns = 1 if only else 2
    rows = -(-len(shown) // columns)
    figure, axes = panels(rows, columns, 3.0 if only else 1.75, sharex=True, sharey=True)
    for ax, (name, curve) in zip(axes.flat, shown.items(), strict=False):
        ax.fill_between(curve.index, curve.low, curve.high, color=BLUE, alpha=0.25, linewidth=0)
        ax.plot(curve.index, curve["median"], color=BLUE, linewidth=2)
        if reference and reference != name:
            ax.plot(curves[reference].index, curves[reference]["median"], "--", color=ORANGE, linewidth=1.6)
        ax.set_title(name)
        ax.set(yscale="log")
        ax.grid(alpha=0.3)
    low = min(curve.low.min() for curve in curves.values())
    high = max(curve.high.max() for curve in curves.values())
    axes[0, 0].set_ylim(0.8 * low, 1.3 * high)
    for ax in axes.flat:
        plain_log(ax.yaxis)
    for ax in axes.flat[len(shown) :]:
        ax.set_axis_off()
    figure.supxlabel("iteration")
    figure.supylabel("mTRE, mm")
    return figure


@in_large_letters
def scales(table: pd.DataFrame, name: str) -> Figure:
    """Error against iteration through several resolutions, one line for each X-ray, a colour for each scale.

    Parameters
    ----------
    table
        Rows of one part and name of :func:`diffpose_nb.study.papers.traces.load`.
    name
        The title.
    """
    figure, axes = panels(1, 1, 3.2)
    ax = axes[0, 0]
    colors = dict(zip(sorted(table.scale.unique(), reverse=True), (ORANGE, GREEN, BLUE, PURPLE), strict=False))
    for _, one in table.groupby("xray"):
        for scale, some in one.groupby("scale", sort=False):
            ax.plot(some.iteration, some.mtre, color=colors[scale], alpha=0.55, linewidth=1.2)
        last = one.iloc[-1]
        ax.plot(last.iteration, last.mtre, "o", color=colors[last.scale], markersize=5)
    for scale, color in colors.items():
        ax.plot([], [], color=color, linewidth=2.5, label=f"1 : {scale}")
    ax.set(yscale="log", xlabel="iteration", ylabel="mTRE, mm", title=name)
    ax.set_ylim(None, 8 * table.mtre.max())  # room for the legend
    plain_log(ax.yaxis)
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, title="scale", ncols=len(colors), loc="upper right")
    return figure


@in_large_letters
def six_errors(offsets: Tensor) -> Figure:
    """The six offsets of a pose from the truth against the iteration, rotations above, translations below.

    Parameters
    ----------
    offsets
        (N, 6) degrees and mm, as of :func:`diffpose_nb.evaluate.camera_errors`.
    """
    figure, axes = panels(2, 1, 2.2, sharex=True)
    values = np.asarray(offsets)
    for row, ax in enumerate(axes[:, 0]):
        ax.axhline(0, color="0.6", linewidth=0.8)
        for n, (color, dash) in enumerate(zip((BLUE, ORANGE, GREEN), ("-", "--", "-."), strict=True)):
            ax.plot(values[:, 3 * row + n], dash, color=color, linewidth=1.8, label=NAMES[3 * row + n])
        ax.set_ylabel("error, " + UNITS[3 * row])
        ax.legend(frameon=False, ncols=3, loc="upper right")
    axes[1, 0].set_xlabel("iteration")
    return figure
