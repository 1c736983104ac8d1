"""Pictures of a refinement: its convergence as an animation, and what tells the lost from the found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from torch import Tensor

from .evaluate import mtre
from .plots import BLUE, ORANGE, overlay
from .register import Refinement
from .render import Renderer
from .widgets.stepper import Step


def animation(
    refinement: Refinement,
    renderer: Renderer,
    xray: Tensor,
    truth: Tensor | None = None,
    landmarks: pd.DataFrame | None = None,
    most: int = 12,
) -> list[Step]:
    """Overlays of the accepted renderings, for :func:`diffpose_nb.widgets.stepper.stepper`.

    Parameters
    ----------
    refinement
        Of one view.
    xray
        (rows, columns) line integrals, NaN where nothing is compared.
    truth, landmarks
        (4, 4) and a table: captions then give the mTRE.
    most
        At most so many, the first ones more densely than the last.
    """
    accepted = refinement.trace.index[refinement.trace.accepted].to_numpy()
    chosen = accepted[np.unique(np.geomspace(1, len(accepted), 3 * most).round().astype(int) - 1)]
    chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, most).round().astype(int))]
    steps = []
    for n in chosen.tolist():
        row, pose = refinement.trace.loc[n], refinement.poses[n]
        caption = f"Cost {row.cost:.3f}."
        if truth is not None and landmarks is not None:
            caption += f" The pose is off by {mtre(pose, truth, landmarks).item():.1f} mm."
        picture = overlay(renderer(pose)[0, 0], xray).repeat(3, axis=0).repeat(3, axis=1)
        alt = f"Overlay of X-ray in blue and DRR in orange at rendering {n + 1}"
        steps.append(Step(f"rendering {n + 1}, stage {row.stage}", picture, alt, caption))
    return steps


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
