"""How errors are distributed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from ..style import BLUE, GREEN, ORANGE, PURPLE
from .saving import WIDTH, in_large_letters, panels, plain_log

_COLORS = (ORANGE, GREEN, BLUE, PURPLE)
_LOG = ("ω x", "ω y", "ω z", "v x", "v y", "v z")


@in_large_letters
def distributions(errors: Mapping[str, Tensor], logarithms: Mapping[str, Tensor]) -> Figure:
    """Errors in rotation and in translation as histograms, and in logarithmic coordinates as one strip for each.

    Parameters
    ----------
    errors
        Method → (N, 6) errors of :func:`diffpose_nb.evaluate.camera_errors`, degrees and mm.
    logarithms
        Method → (N, 6) the logarithm of the relative pose: rotation in degrees, then the translational part in mm.
    """
    figure, axes = panels(4, 1, 1.95)
    parts = (("rotation, °", slice(0, 3)), ("translation, mm", slice(3, 6)))
    for ax, (label, part) in zip(axes[:2, 0], parts, strict=True):
        sizes = {name: np.asarray(values[:, part].norm(dim=1)) for name, values in errors.items()}
        every = np.concatenate(list(sizes.values()))
        edges = np.geomspace(max(every.min(), 1e-3) * 0.9, every.max() * 1.1, 22)
        for (name, size), color in zip(sizes.items(), _COLORS, strict=False):
            ax.hist(size, edges, histtype="stepfilled", color=color, alpha=0.45, label=name)
            ax.axvline(np.median(size), color=color, linewidth=2)
        ax.set(xscale="log", xlabel=label, ylabel="X-rays")
        plain_log(ax.xaxis)
        ax.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    for ax, part, unit in zip(axes[2:, 0], (slice(0, 3), slice(3, 6)), ("°", "mm"), strict=True):
        _log_strips(ax, {name: values[:, part] for name, values in logarithms.items()}, _LOG[part])
        ax.set_xlabel(f"logarithm, {unit}")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def _log_strips(ax, values: Mapping[str, Tensor], names: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    share = 0.8 / len(values)
    for n, (some, color) in enumerate(zip(values.values(), _COLORS, strict=False)):
        numbers = np.asarray(some)
        at = np.arange(3) - 0.4 + share * (n + 0.5) + rng.uniform(-0.3, 0.3, numbers.shape) * share
        ax.plot(numbers, at, "o", color=color, markersize=3.5, alpha=0.7)
    ax.axvline(0, color="0.6", linewidth=0.8)
    largest = torch.cat([some.abs().flatten() for some in values.values()]).max().item()
    ax.set_xscale("symlog", linthresh=0.1)
    ax.set_xlim(-1.6 * largest, 1.6 * largest)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_yticks(range(3), names)
    ax.invert_yaxis()


@in_large_letters
def pairs(table: pd.DataFrame) -> Figure:
    """Every two columns of a table against each other, as points; on the diagonal the histogram of each column.

    Parameters
    ----------
    table
        A row for each X-ray, and at most four columns, whose names become the labels of the axes.
    """
    number = table.shape[1]
    figure, axes = panels(number, number, WIDTH / number)
    bins = max(5, round(len(table) ** 0.5) + 2)
    for row, first in enumerate(table):
        for column, second in enumerate(table):
            ax = axes[row, column]
            if column > row:
                ax.set_axis_off()
                continue
            if row == column:
                ax.hist(table[first], bins, color=BLUE, alpha=0.7)
                ax.set_yticks([])
            else:
                ax.plot(table[second], table[first], "o", color=BLUE, markersize=3.5, alpha=0.7)
            ax.locator_params(nbins=3, axis="x")
            ax.set_xlabel(second if row == number - 1 else "")
            ax.set_ylabel(first if column == 0 and row > 0 else "")
            ax.tick_params(labelbottom=row == number - 1, labelleft=column == 0 and row > 0)
    return figure


@in_large_letters
def strips(
    table: pd.DataFrame,
    xlabel: str = "mTRE, mm",
    mark: float | None = 1.0,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """A strip of points for each column on a logarithmic axis, with the median as a bar.

    Parameters
    ----------
    table
        Errors, mm: a row for each X-ray, a column for each way. An infinite one is drawn as a cross at the right edge.
    mark
        mm, at which a line is drawn.
    limits
        Ends of the axis, mm, so that several figures can be compared. By default those of the points.
    """
    figure, axes = panels(1, 1, 0.9 + 0.42 * table.shape[1])
    ax = axes[0, 0]
    rng = np.random.default_rng(0)
    values = table.to_numpy(float)
    edge = 2 * values[np.isfinite(values)].max()
    if mark is not None:
        ax.axvline(mark, color="0.6", linewidth=1, linestyle=":")
    for n, column in enumerate(values.T):
        at = n + rng.uniform(-0.2, 0.2, len(column))
        found = np.isfinite(column)
        ax.plot(column[found], at[found], "o", color=BLUE, markersize=4, alpha=0.7)
        ax.plot(np.full((~found).sum(), edge), at[~found], "x", color=ORANGE, markersize=6)
        median = np.median(column)
        ax.plot([median if np.isfinite(median) else edge] * 2, [n - 0.35, n + 0.35], color="black", linewidth=2.4)
    ax.set(xscale="log", xlabel=xlabel, xlim=limits)
    plain_log(ax.xaxis)
    ax.set_yticks(range(table.shape[1]), table.columns)
    ax.invert_yaxis()
    ax.grid(axis="x", alpha=0.3)
    return figure
