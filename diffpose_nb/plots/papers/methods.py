"""Methods against each other: success against the threshold, and what a failure looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from ...images import XRay, open_field
from ...render import Renderer
from ..images import overlay, picture
from ..style import BLUE, GREEN, ORANGE, PURPLE
from .saving import WIDTH, in_large_letters, panels

_STYLES = (
    ("0.55", ":"),
    (PURPLE, "--"),
    (ORANGE, ":"),
    (GREEN, "-."),
    ("black", "--"),
    (ORANGE, "-"),
    (BLUE, "-"),
)
"""Colour and dashes of the curves, in the order of :data:`diffpose_nb.study.papers.table.METHODS`."""


@in_large_letters
def success(
    curves: Mapping[str, pd.DataFrame], mark: float = 1.0, show: Sequence[str] | None = None, error: str = "mTRE"
) -> Figure:
    """Share of X-rays below a threshold, against the threshold, with its interval; one curve for each method.

    Parameters
    ----------
    curves
        Method → table of :func:`diffpose_nb.evaluate.success_curve`.
    mark
        mm, at which a line is drawn, with the share of each method there in the legend.
    show
        Methods whose interval is drawn too. Default: none.
    error
        Name of the error, for the axis.
    """
    figure, axes = panels(1, 1, 4.4)
    ax = axes[0, 0]
    ax.axvline(mark, color="0.8", linewidth=1.2)
    for (method, curve), (color, dash) in zip(curves.items(), _STYLES, strict=False):
        at = curve.value[curve.index <= mark]
        share = at.iloc[-1] if len(at) else 0.0
        if show and method in show:
            ax.fill_between(curve.index, curve.low, curve.high, color=color, alpha=0.18, linewidth=0)
        ax.plot(curve.index, curve.value, dash, color=color, linewidth=2, label=f"{method}: {share:.0%}")
    limits = next(iter(curves.values())).index.to_numpy()
    ax.set(xscale="log", xlabel=f"threshold, mm of {error}", ylabel="X-rays below it", ylim=(-0.02, 1.03))
    ax.set_xlim(limits.min(), limits.max())
    ticks = [mm for mm in (0.1, 0.3, 1, 3, 10, 30, 100) if limits.min() <= mm <= limits.max()]
    ax.set_xticks(ticks, [f"{mm:g}" for mm in ticks])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    title = f"below {mark:g} mm"
    figure.legend(
        *ax.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
        title=title,
    )
    return figure


@in_large_letters
def frames_of(
    renderer: Renderer, cases: Sequence[tuple[str, XRay, Tensor]], columns: int = 2, size: float = 2.6
) -> Figure:
    """Overlays of X-ray (blue) and DRR (orange), each under its title: grey where they agree.

    Parameters
    ----------
    renderer
        The renderer of the CT for the X-rays' camera.
    cases
        Title, X-ray and pose (4, 4) of each picture.
    """
    rows = -(-len(cases) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDTH, rows * (size + 0.35)), layout="constrained", squeeze=False
    )
    for ax, (title, xray, pose) in zip(axes.flat, cases, strict=False):
        image = xray.attenuation()
        seen = image.where(open_field(image), torch.nan)
        with torch.no_grad():
            drr = renderer(pose)[0, 0] if np.isfinite(np.asarray(pose)).all() else torch.zeros_like(image)
        picture(overlay(drr, seen), renderer.camera, ax)
        ax.set_title(title)
        ax.set(xticks=[], yticks=[], xlabel="")
    for ax in axes.flat[len(cases) :]:
        ax.set_axis_off()
    return figure
