"""Pictures of refinements: what is seen at their end, and what tells the lost from the found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from .plots import BLUE, ORANGE, overlay
from .register import Refinement
from .render import Renderer


def against_error(ax: Axes, errors: Sequence[float], values: Sequence[float], label: str, limit: float = 2.0) -> None:
    """A number of each registration against its mTRE: blue dots succeeded, orange crosses failed.

    Parameters
    ----------
    errors
        mTRE, mm, drawn on a logarithmic axis.
    limit
        mm: what counts as success.
    """
    errors, values = np.asarray(errors), np.asarray(values)
    good = errors < limit
    ax.semilogx(errors[good], values[good], "o", color=BLUE, label="succeeded")
    ax.semilogx(errors[~good], values[~good], "x", color=ORANGE, label="failed")
    ax.axvline(limit, color="gray", linewidth=1, linestyle=":")
    ax.set(xlabel="mTRE at the end, mm", ylabel=label)


def capture(ax: Axes, starts: Sequence[float], ends: Sequence[float], limit: float = 2.0) -> None:
    """Each registration's mTRE at the end against that at the start, both on logarithmic axes."""
    starts, ends = np.asarray(starts), np.asarray(ends)
    good = ends < limit
    ax.loglog(starts[good], ends[good], "o", color=BLUE, label="succeeded")
    ax.loglog(starts[~good], ends[~good], "x", color=ORANGE, label="failed")
    ax.axhline(limit, color="gray", linewidth=1, linestyle=":")
    ax.set(xlabel="mTRE at the start, mm", ylabel="mTRE at the end, mm")
    ticks = [mm for mm in (1, 2, 5, 10, 20, 50, 100, 200, 500) if starts.min() <= mm <= starts.max()]
    ax.set_xticks(ticks, [str(mm) for mm in ticks])
    ax.minorticks_off()


def as_seen(refinement: Refinement, renderer: Renderer, observed: Tensor) -> np.ndarray:
    """The overlay (rows, columns, 3) at the pose that was found."""
    with torch.no_grad():
        return overlay(renderer(refinement.world_from_camera)[0, 0], observed)
