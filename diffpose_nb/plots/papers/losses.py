"""A loss along each of the six degrees of freedom."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from ...similarity.landscapes import NAMES, SPAN, TYPICAL, UNITS
from ..style import BLUE, GREEN, ORANGE, PURPLE
from .saving import in_large_letters, panels

_COLORS = (BLUE, ORANGE, GREEN, PURPLE, "black")
_DASHES = ("-", "--", "-.", ":", "-")


@in_large_letters
def losses_along(curves: Mapping[str, Tensor], title: str = "") -> Figure:
    """Losses along the six parameters of the pose, each scaled to the range from 0 to 1; 0 offset is the true pose.

    The shaded range is that in which the error of a header's pose typically lies.

    Parameters
    ----------
    curves
        Name of a loss → its values (6, N) at the offsets of :func:`diffpose_nb.similarity.landscapes.line`.
    """
    figure, axes = panels(3, 2, 1.75, sharey=True)
    for axis, ax in enumerate(axes.T.flat):  # rotations in the left column, translations in the right one
        ax.axvspan(-TYPICAL[axis], TYPICAL[axis], color="0.92")
        ax.axvline(0, color="0.6", linewidth=0.8)
        for n, (name, values) in enumerate(curves.items()):
            line = np.asarray(values[axis])
            scaled = (line - line.min()) / max(line.max() - line.min(), 1e-12)
            offsets = np.linspace(-SPAN[axis], SPAN[axis], len(line))
            ax.plot(offsets, scaled, _DASHES[n % 5], color=_COLORS[n % 5], linewidth=1.8, label=name)
        ax.set(xlabel=f"{NAMES[axis]}, {UNITS[axis]}", xlim=(-SPAN[axis], SPAN[axis]), yticks=[0, 1])
    figure.supylabel("loss, from its least value to its largest")
    if title:
        figure.suptitle(title)
    if len(curves) > 1:
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure
