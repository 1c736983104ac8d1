"""Pictures of a training: its curves, what the network sees, and its errors at the end."""

from __future__ import annotations

from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import DisplayHandle, Image, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ..images import local_contrast
from ..train import Augmentation, Pictures, PoseRange
from ..train.poses import NAMES
from .style import BLUE, NOT_COMPARED, ORANGE, WIDTH, panels

_SMOOTH = 30
"""Number of steps over which the running median is taken."""


def curves(history: pd.DataFrame, title: str = "") -> Figure:
    """Loss and errors of every step of a training, and their running median, against the minutes of training.

    Parameters
    ----------
    history
        The table of steps that :func:`diffpose_nb.train.fit` makes.
    """
    parts = [("loss", "loss", BLUE), ("rotation", "rotation, ° an axis", BLUE)]
    parts += [("in_plane", "in plane, mm", BLUE), ("depth", "depth, mm", BLUE)]
    fig, axes = panels(len(parts), across=2, shape=0.5)
    minutes = history.seconds / 60
    for ax, (column, label, colour) in zip(axes, parts, strict=True):
        ax.plot(minutes, history[column], color=colour, alpha=0.25, linewidth=0.7)
        smooth = history[column].rolling(_SMOOTH, min_periods=1).median()
        ax.plot(minutes, smooth, color=ORANGE, linewidth=1.8)
        ax.set(yscale="log", xlabel="minutes", title=label)
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter("")
        low, high = smooth.min(), history[column].max()
        ax.set_yticks([t for t in (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if 0.8 * low <= t <= high])
        ax.grid(alpha=0.3)
    if title:
        fig.suptitle(title)
    return fig


class LiveCurves:
    """A callback for :func:`diffpose_nb.train.fit` that shows :func:`curves` below the cell.

    The picture is drawn anew at every call.
    """

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None

    def __call__(self, history: pd.DataFrame) -> None:
        fig = curves(history, f"step {history.step.iloc[-1]}")
        buffer = BytesIO()
        fig.savefig(buffer, format="png", dpi=200)
        image = Image(buffer.getvalue(), width=round(100 * fig.get_figwidth()))
        plt.close(fig)
        if self._handle is None:
            self._handle = display(image, display_id=True)
        else:
            self._handle.update(image)


def gallery(made: Pictures, augmentation: Augmentation, generator, number: int = 4) -> Figure:
    """Three columns of pictures: DRRs of a pool, the same DRRs after augmentation, and the network's input.

    The input is the local contrast of the second column.

    Parameters
    ----------
    made
        Pictures of :meth:`diffpose_nb.train.Pool.draw`.
    augmentation
        The augmentation to show.
    generator
        Random numbers for the augmentation.
    number
        Number of DRRs, a row for each.
    """
    images, valid = made.images[:number], made.valid[:number]
    changed, seen = augmentation(images, valid, generator)
    rows = [images.where(valid, np.nan), changed.where(seen, np.nan), local_contrast(changed, seen).where(seen, np.nan)]
    titles = ["a DRR, turned", "made to look like an X-ray", "its local contrast"]
    fig, axes = plt.subplots(
        number, 3, figsize=(0.75 * WIDTH, 0.25 * WIDTH * number + 0.4), layout="constrained", squeeze=False
    )
    for column, (line, title, pictures) in enumerate(zip(axes.T, titles, rows, strict=True)):
        line[0].set_title(title)
        for ax, picture in zip(line, pictures[:, 0], strict=True):
            limits = {"vmin": -3, "vmax": 3} if column == 2 else {}
            ax.imshow(picture, cmap="gray", **limits)
            ax.set(xticks=[], yticks=[])
            ax.set_facecolor(NOT_COMPARED)
    return fig


def errors_by_axis(ax: Axes, errors: Tensor, poses: PoseRange) -> None:
    """Draw the network's six errors as box plots, each as a share of half the range that it was trained on.

    Always answering with the nominal pose would give an error of 1 for an X-ray at the edge of the range.

    Parameters
    ----------
    errors
        (N, 6) errors of :func:`diffpose_nb.evaluate.camera_errors`.
    poses
        The range of poses that the network was trained on.
    """
    # errors begin with the turn about x, the secondary angle, and NAMES with the primary angle
    order = [1, 0, 2, 3, 4, 5]
    shares = (errors.abs()[:, order] / poses.half).numpy()
    ax.boxplot(
        shares, orientation="horizontal", whis=(5, 95), showfliers=False, medianprops={"color": ORANGE, "linewidth": 2}
    )
    units = ["°", "°", "°", " mm", " mm", " mm"]
    medians = errors.abs()[:, order].median(0).values
    labels = [f"{name}\nmedian {value:.1f}{unit}" for name, value, unit in zip(NAMES, medians, units, strict=True)]
    ax.set_yticks(range(1, 7), labels)
    ax.invert_yaxis()
    ax.set(xlabel="error, as a share of half the range", xlim=(0, None))
    ax.grid(axis="x", alpha=0.3)
