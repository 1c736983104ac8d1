"""Pictures of refinements: how they ran, what is seen at their end, and how success can be told from failure."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import PIL.ImageDraw
import torch
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from ..camera import Camera
from ..register import Refinement, Step
from ..render import Renderer
from .images import overlay, picture
from .style import BLUE, GREY, NOT_COMPARED, ORANGE, WIDTH, halo, panels


def landmark_errors(
    ax: Axes, landmarks: pd.DataFrame, camera: Camera, estimate: Tensor, truth: Tensor, color: str = "white"
) -> None:
    """Draw the errors of landmarks on a :func:`diffpose_nb.plots.picture`.

    A dot shows where a landmark appears at the true pose. A line goes from there to where it appears at the estimate.

    Parameters
    ----------
    ax
        The axes of the picture.
    landmarks
        Table of :func:`diffpose_nb.ct.landmarks`.
    camera
        The camera of the picture.
    estimate, truth
        (4, 4) poses ``world_from_camera``.
    """
    points = torch.from_numpy(landmarks[["x", "y", "z"]].to_numpy(float, copy=True))
    spacing = torch.tensor(camera.pixel_spacing[::-1])
    middle = (torch.tensor(camera.shape[::-1]) - 1) / 2
    ends = torch.stack([(camera.project(points, pose) - middle) * spacing for pose in (truth, estimate)])
    inside = (ends[0].abs() < (middle + 0.5) * spacing).all(-1)
    view = ax.axis()
    rim = halo("black", 2.4)  # else white is lost on pale pixels
    ax.plot(*ends[:, inside].unbind(-1), color=color, linewidth=1.2, path_effects=rim)
    ax.plot(*ends[0, inside].unbind(-1), "o", color=color, markersize=3, path_effects=rim)
    ax.axis(view)


def convergence(refinement: Refinement) -> Figure:
    """The cost of every rendering of a refinement.

    Each stage has a panel of its own, since stages compare different images and their costs cannot be compared.
    """
    trace = refinement.trace
    stages = trace.groupby("stage")
    figure, axes = panels(len(stages), across=2 if len(stages) in (2, 4) else 3, shape=0.62)
    for ax, (stage, rows) in zip(axes, stages, strict=True):
        ax.plot(rows.index, rows.cost, color=BLUE, linewidth=1)
        for accepted, marker, label in [(True, "o", "accepted"), (False, "x", "refused")]:
            some = rows[rows.accepted == accepted]
            if len(some):
                ax.plot(some.index, some.cost, marker, color=BLUE if accepted else ORANGE, label=label)
        ax.set(title=f"stage {stage}", xlabel="rendering")
        ax.locator_params(axis="y", nbins=4)
        ax.locator_params(axis="x", nbins=5, integer=True)
    axes[0].set_ylabel("cost (1 − NCC)")
    axes[0].legend(frameon=False)
    return figure


def film(refinement: Refinement, renderer: Renderer, xray: Tensor, frames: int = 6) -> Figure:
    """Overlays of X-ray and DRR at several renderings of a refinement, from the first to the last accepted one.

    Parameters
    ----------
    renderer
        A renderer of the CT with the camera of ``xray``.
    xray
        (rows, columns) line integrals of the X-ray, NaN where nothing is compared.
    frames
        Number of overlays. They are spread over the accepted renderings on a logarithmic scale, so that most of them
        show the beginning. There are fewer if there are not enough renderings.
    """
    accepted = refinement.trace.index[refinement.trace.accepted].to_numpy()
    chosen = accepted[np.unique(np.geomspace(1, len(accepted), frames).round().astype(int) - 1)]
    drrs = renderer(refinement.poses[torch.from_numpy(chosen)])[:, 0]
    figure, axes = panels(len(chosen), bare=True)
    for ax, n, drr in zip(axes, chosen, drrs, strict=True):
        picture(overlay(drr, xray), renderer.camera, ax, f"rendering {n + 1}")
    return figure


class LiveView:
    """A picture below the cell that follows a refinement: pass it as ``refine(…, callback=LiveView())``.

    It shows the X-ray, the DRR and their overlay, as the current stage compares them.

    Parameters
    ----------
    height
        Height of the picture, pixels.
    """

    _titles = ("X-ray", "DRR", "both")

    def __init__(self, height: int = 260) -> None:
        self._height = height
        black = np.zeros((1, 3, 3))
        self._handle = display(self._png(black), display_id=True)

    def __call__(self, step: Step) -> None:
        if step.accepted:
            both = overlay(step.image, step.target, scale=0.1)
            self._handle.update(self._png(np.concatenate([_grey(step.target), _grey(step.image), both], axis=1)))

    def _png(self, rgb: np.ndarray) -> Image:
        rows, columns = rgb.shape[:2]
        width = self._height * columns // rows
        picture = PIL.Image.fromarray((255 * rgb).astype(np.uint8)).resize((width, self._height))
        draw = PIL.ImageDraw.Draw(picture)
        for n, title in enumerate(self._titles):
            draw.text((n * width / 3 + 6, 4), title, fill="white", stroke_width=2, stroke_fill="black", font_size=14)
        buffer = BytesIO()
        picture.save(buffer, "png")
        return Image(buffer.getvalue(), format="png", alt="X-ray, DRR and both, during the refinement")


def _grey(image: Tensor) -> np.ndarray:
    values = image.numpy()
    low, high = np.nanquantile(values, (0.005, 0.995))
    scaled = np.clip((values - low) / (high - low + 1e-12), 0, 1)
    return np.where(np.isfinite(values)[..., None], scaled[..., None], to_rgb(NOT_COMPARED))


def against_error(ax: Axes, errors: Sequence[float], values: Sequence[float], label: str, limit: float = 2.0) -> None:
    """Draw some value of each registration against its mTRE: successes as blue dots, failures as orange crosses.

    Parameters
    ----------
    errors
        mTRE at the end of each registration, mm, drawn on a logarithmic axis.
    values
        The value of each registration, such as its confidence.
    label
        Name of the value, for the vertical axis.
    limit
        A registration whose mTRE is below this counts as a success, mm.
    """
    errors, values = np.asarray(errors), np.asarray(values)
    good = errors < limit
    ax.semilogx(errors[good], values[good], "o", color=BLUE, label="succeeded")
    ax.semilogx(errors[~good], values[~good], "x", color=ORANGE, label="failed")
    ax.axvline(limit, color="gray", linewidth=1, linestyle=":")
    ax.set(xlabel="mTRE at the end, mm", ylabel=label)


def capture(ax: Axes, starts: Sequence[float], ends: Sequence[float], limit: float = 2.0) -> None:
    """Draw each registration's mTRE at its end against that at its start, both on logarithmic axes.

    Parameters
    ----------
    starts, ends
        mTRE at the start and at the end of each registration, mm.
    limit
        A registration that ends below this counts as a success, mm.
    """
    starts, ends = np.asarray(starts), np.asarray(ends)
    good = ends < limit
    ax.loglog(starts[good], ends[good], "o", color=BLUE, label="succeeded")
    ax.loglog(starts[~good], ends[~good], "x", color=ORANGE, label="failed")
    ax.axhline(limit, color="gray", linewidth=1, linestyle=":")
    ax.set(xlabel="mTRE at the start, mm", ylabel="mTRE at the end, mm")
    ticks = [mm for mm in (1, 2, 5, 10, 20, 50, 100, 200, 500) if starts.min() <= mm <= starts.max()]
    ax.set_xticks(ticks, [str(mm) for mm in ticks])
    ax.minorticks_off()


def ablation(errors: pd.DataFrame, limit: float = 2.0) -> Figure:
    """The error at the end of a registration for several recipes, on a logarithmic axis: a line for each recipe.

    Each X-ray has a mark of its own, which is orange where the registration failed. A dashed line continues the largest
    error of the first recipe, with which the others are compared.

    Parameters
    ----------
    errors
        mTRE, mm: one row for each recipe, one column for each X-ray.
    limit
        A registration that ends below this counts as a success, mm.
    """
    figure, ax = plt.subplots(figsize=(WIDTH, 0.32 * len(errors) + 1.1), layout="constrained")
    for n, (_, values) in enumerate(errors.iterrows()):
        ax.plot([values.min(), values.max()], [n, n], color=GREY, linewidth=1, zorder=1)
        for value, marker in zip(values, "os^Dv", strict=False):
            ax.plot(value, n, marker, color=BLUE if value < limit else ORANGE, markersize=7)
    for name, marker in zip(errors.columns, "os^Dv", strict=False):
        ax.plot([], [], marker, color="black", label=name, linestyle="none")
    ax.axvline(errors.iloc[0].max(), color=GREY, linestyle="--", linewidth=1, zorder=0)
    ax.axvspan(limit, 1e4, color="0.94", zorder=0)
    ends = errors.to_numpy()
    ax.set(xscale="log", xlabel="mTRE at the end, mm", xlim=(0.7 * ends.min(), 1.5 * ends.max()))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_yticks(range(len(errors)), errors.index)
    ax.set_ylim(len(errors) - 0.4, -0.6)
    ax.grid(axis="x", alpha=0.25)
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(errors.columns))
    return figure


def as_seen(refinement: Refinement, renderer: Renderer, observed: Tensor) -> np.ndarray:
    """The overlay of X-ray and DRR at the pose that a refinement found.

    Parameters
    ----------
    renderer
        A renderer of the CT with the camera of ``observed``.
    observed
        (rows, columns) line integrals of the X-ray, NaN where nothing is compared.

    Returns
    -------
    ndarray
        (rows, columns, 3), as of :func:`diffpose_nb.plots.overlay`.
    """
    with torch.no_grad():
        return overlay(renderer(refinement.world_from_camera)[0, 0], observed)
