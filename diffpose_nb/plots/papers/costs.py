"""What rendering costs: against the number of patches, and against the number of pixels."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from ..style import BLUE, GREEN, ORANGE, PURPLE
from .saving import in_large_letters, panels


@in_large_letters
def patch_times(here: pd.DataFrame, published: pd.DataFrame, where: str, source: str) -> Figure:
    """Time of a rendering against the number of patches: in ms, and as a share of the whole image.

    Parameters
    ----------
    here, published
        Time in ms (``ms``) by the number of patches (index); the index 0 is the whole image.
    where, source
        Where the two were measured, for the legend.
    """
    figure, (upper, lower) = (both := panels(2, 1, 2.6))[0], both[1][:, 0]
    for table, color, marker, label in ((here, BLUE, "o", where), (published, ORANGE, "s", source)):
        some = table[table.index > 0].sort_index()
        whole = table.ms[0]
        for ax, factor in ((upper, 1.0), (lower, 100 / whole)):
            ax.plot(some.index, factor * some.ms, "-", marker=marker, color=color, label=label)
            ax.axhline(factor * whole, color=color, linewidth=1.2, linestyle=":")
    upper.text(0.01, 0.97, "dotted: the whole image", transform=upper.transAxes, va="top")
    upper.set(ylabel="ms", yscale="log", ylim=(None, 3 * max(here.ms.max(), published.ms.max())))
    upper.yaxis.set_major_formatter("{x:g}")
    lower.set(xlabel="patches of 13 × 13 pixels", ylabel="% of the whole image", ylim=(0, None))
    figure.legend(*upper.get_legend_handles_labels(), loc="outside lower center", ncols=1, frameon=False)
    return figure


@in_large_letters
def render_times(table: pd.DataFrame) -> Figure:
    """Time of a rendering against the side of the picture, one curve for each renderer.

    Parameters
    ----------
    table
        Seconds; the index is the side in pixels, each column a renderer.
    """
    figure, axes = panels(1, 1, 3.2)
    ax = axes[0, 0]
    for name, color, marker in zip(table, (BLUE, ORANGE, GREEN, PURPLE), "os^D", strict=False):
        ax.plot(table.index, table[name], marker=marker, color=color, label=name)
    ax.set(xscale="log", yscale="log", xlabel="side of the picture, pixels", ylabel="s")
    ax.set_xticks(list(table.index), [str(side) for side in table.index])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter("{x:g}")
    ax.grid(alpha=0.3)
    ax.legend(frameon=False)
    return figure
