"""The renderings of a refinement one after another: the overlay of X-ray and DRR, and the cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import PIL.Image
from IPython.display import HTML
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator
from torch import Tensor

from ..evaluate import mtre
from ..plots import BLUE, ORANGE, overlay
from ..register import Refinement
from ..render import Renderer
from .page import to_bytes
from .steps import Step, stepper

_PIXELS = 320  # longest side of an overlay: enough to see edges, and forty overlays take less than a megabyte


def refinement_steps(
    refinement: Refinement,
    renderer: Renderer | Sequence[Renderer],
    xray: Tensor | Sequence[Tensor],
    truth: Tensor | None = None,
    landmarks: pd.DataFrame | None = None,
    *,
    most: int = 40,
) -> HTML:
    """A slider through the renderings of a refinement. Each shows the overlay of X-ray and DRR, and a plot of the cost.

    Parameters
    ----------
    refinement
        The outcome of :func:`diffpose_nb.register.refine` or :func:`diffpose_nb.register.descend`.
    renderer
        Renderer of the whole CT with the X-ray's camera; for several views a sequence, one renderer for each.
    xray
        (rows, columns) line integrals of the X-ray, NaN where nothing is compared; for several views a sequence.
    truth
        True pose (4, 4), or true poses (V, 4, 4) of V views. Together with ``landmarks`` it adds the mTRE of the first
        view to the captions.
    landmarks
        Table of :func:`diffpose_nb.ct.landmarks`.
    most
        Largest number of renderings to show. If there are more, the first and the last of each stage are kept, and as
        many of the others as fit, of which more are near the beginning.

    Returns
    -------
    IPython.display.HTML
        Less than 1.5 MB with the default of ``most``.

    Raises
    ------
    ValueError
        If the refinement has no renderings, the numbers of renderers, X-rays and views differ, the shape of an X-ray is
        not that of its renderer's camera, or ``most`` is less than 2.
    """
    renderers = [renderer] if isinstance(renderer, Renderer) else list(renderer)
    xrays = [xray] if isinstance(xray, Tensor) else list(xray)
    poses = refinement.poses if refinement.poses.ndim == 4 else refinement.poses[:, None]
    _check(refinement, poses, renderers, xrays, most)
    trace = refinement.trace
    truth = None if truth is None else truth.reshape(-1, 4, 4)[0]
    steps = []
    for n in _chosen(trace, most):
        row = trace.iloc[n]
        drrs = [view(pose)[0, 0] for view, pose in zip(renderers, poses[n], strict=True)]
        picture = _beside([overlay(drr, image) for drr, image in zip(drrs, xrays, strict=True)])
        verdict = "" if row.accepted else " The step was refused."
        caption = f"Cost {row.cost:.3f}.{verdict}"
        if truth is not None and landmarks is not None:
            caption += f" The pose is off by {mtre(poses[n, 0], truth, landmarks).item():.1f} mm."
        alts = (
            "X-ray in blue and DRR in orange, grey where they agree",
            f"The cost of all {len(trace)} renderings, with a mark at number {n + 1}, in stage {row.stage}",
        )
        steps.append(Step(f"rendering {n + 1}, stage {row.stage}", (picture, _cost(trace, n)), alts, caption))
    return stepper(steps, label="rendering")


def _check(refinement: Refinement, poses: Tensor, renderers: list[Renderer], xrays: list[Tensor], most: int) -> None:
    if not len(refinement.trace):
        raise ValueError("refinement has no renderings: it was interrupted before the first")
    if not len(renderers) == len(xrays) == poses.shape[1]:
        raise ValueError(
            f"there are {len(renderers)} renderers and {len(xrays)} X-rays for a refinement of {poses.shape[1]} views: "
            "one of each for every view is needed"
        )
    for view, image in zip(renderers, xrays, strict=True):
        if tuple(image.shape) != tuple(view.camera.shape):
            raise ValueError(
                f"xray has {tuple(image.shape)} pixels and its renderer's camera {tuple(view.camera.shape)}: "
                "they have to be the same"
            )
    if most < 2:
        raise ValueError(f"most is {most}: at least the first and the last rendering are shown, 2")


def _chosen(trace: pd.DataFrame, most: int) -> list[int]:
    """Numbers of the rows of the trace that are shown."""
    total = len(trace)
    if total <= most:
        return list(range(total))
    key = (trace.attempt.astype(str) + " " + trace.stage.astype(str)).to_numpy()
    turns = np.flatnonzero(key[1:] != key[:-1])
    wanted = {0, total - 1}
    for n in [*turns, *(turns + 1)]:
        if len(wanted) < most:
            wanted.add(int(n))
    between = np.geomspace(1, total, 8 * most).round().astype(int) - 1
    between = [n for n in dict.fromkeys(between.tolist()) if n not in wanted]
    room = min(most - len(wanted), len(between))
    picked = np.linspace(0, len(between) - 1, room).round().astype(int) if room else []
    return sorted(wanted | {between[n] for n in picked})


def _beside(pictures: list[np.ndarray]) -> np.ndarray:
    """Put pictures side by side, each at most :data:`_PIXELS` a side; below shorter ones the space is black."""
    small = [_small(picture) for picture in pictures]
    rows = max(picture.shape[0] for picture in small)
    return np.concatenate(
        [np.pad(picture, ((0, rows - picture.shape[0]), (0, 0), (0, 0))) for picture in small], axis=1
    )


def _small(picture: np.ndarray) -> np.ndarray:
    image = PIL.Image.fromarray(to_bytes(picture))
    image.thumbnail((_PIXELS, _PIXELS), PIL.Image.Resampling.BOX)
    return np.asarray(image) / 255


def _cost(trace: pd.DataFrame, n: int) -> Figure:
    """Plot the cost of each rendering, with one line for each stage, since costs of two stages cannot be compared."""
    # The figure is not made by pyplot, which would warn of too many open figures.
    figure = Figure(figsize=(3.6, 3.4), layout="constrained")
    ax = figure.subplots()
    number, cost = np.arange(1, len(trace) + 1), np.maximum(trace.cost.to_numpy(float), 1e-6)
    place = ax.get_xaxis_transform()
    runs = (trace[["attempt", "stage"]].diff().fillna(0) != 0).any(axis=1).cumsum().to_numpy()
    for run in np.unique(runs):
        some = runs == run
        ax.semilogy(number[some], cost[some], color=BLUE, linewidth=1.2)
        if run:
            ax.axvline(number[some][0] - 0.5, color="0.85", linewidth=1, zorder=0)
        if runs[-1] < 8:
            ax.text(number[some].mean(), 1.02, trace.stage[some].iloc[0], transform=place, ha="center")
    accepted = trace.accepted.to_numpy(bool)
    for some, marker, color, label in ((accepted, "o", BLUE, "accepted"), (~accepted, "x", ORANGE, "refused")):
        if some.any():
            ax.plot(number[some], cost[some], marker, color=color, markersize=4, label=label)
    ax.axvline(number[n], color=ORANGE, linewidth=1)
    ax.plot(number[n], cost[n], "o", color=ORANGE, markersize=9, markeredgecolor="black", label="shown")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter("")
    ax.set(xlabel="rendering", ylabel="cost (1 − NCC)")
    ax.set_title("stage", fontsize="medium", pad=16 if runs[-1] < 8 else 4)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    ax.legend(frameon=False, loc="upper right")
    return figure
