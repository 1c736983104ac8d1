"""Pictures of similarity: patches, joint histograms of grey values, and loss landscapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ..camera import Camera
from ..similarity import patch_ncc
from ..similarity.landscapes import NAMES, SPAN, TYPICAL, UNITS
from ..similarity.patches import whole_patches
from .images import picture
from .style import BLUE, GREEN, ORANGE, WIDTH, panels

_COLORS = ("#999999", BLUE, "#56B4E9", ORANGE, GREEN, "#CC79A7", "black", "black")
"""Colours of the curves, from Okabe and Ito's palette."""
_DASHES = ("-", "-", "-", "-", "-", "-", "--", ":")


def profiles(curves: Mapping[str, Tensor]) -> Figure:
    """Losses along the six parameters of the pose, each curve scaled to the range from 0 to 1.

    The shaded range is that in which the error of a header's pose typically lies.

    Parameters
    ----------
    curves
        Name of a loss → its values (6, N) at the offsets of :func:`diffpose_nb.similarity.landscapes.line`, one row for
        each parameter.
    """
    figure, axes = plt.subplots(2, 3, figsize=(WIDTH, 4.6), layout="constrained", sharey=True)
    for axis, ax in enumerate(axes.flat):
        ax.axvspan(-TYPICAL[axis], TYPICAL[axis], color="0.93")
        for (name, values), color, dash in zip(curves.items(), cycle(_COLORS), cycle(_DASHES), strict=False):
            offsets = np.linspace(-SPAN[axis], SPAN[axis], values.shape[1])
            ax.plot(offsets, _from_0_to_1(values[axis]), dash, color=color, label=name, linewidth=1.4)
        ax.set(xlabel=_label(axis), xlim=(-SPAN[axis], SPAN[axis]))
    for ax in axes[:, 0]:
        ax.set_ylabel("loss, 0 to 1")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def landscapes(maps: Mapping[str, Tensor], pair: tuple[int, int], columns: int = 3) -> Figure:
    """Losses over a pair of parameters, each scaled to the range from 0 (dark) to 1, with level lines.

    A cross marks the true pose. A dashed frame marks where the pose of a header typically lies.

    Parameters
    ----------
    maps
        Name of a loss → its values (M, M) at the offsets of :func:`diffpose_nb.similarity.landscapes.grid`, one row for
        each value of the first parameter.
    pair
        Numbers of the two parameters, from 0 to 5. The first is drawn to the right, the second upwards.
    columns
        Number of panels in a row of the figure, at most three.
    """
    figure, axes = panels(len(maps), across=columns, shape=0.8, sharex=True, sharey=True)
    for ax, (name, values) in zip(axes, maps.items(), strict=True):
        _landscape(ax, values, pair)
        ax.set_title(name, fontsize="medium")
    figure.supxlabel(_label(pair[0]), fontsize="medium")
    figure.supylabel(_label(pair[1]), fontsize="medium")
    return figure


def _landscape(ax: Axes, values: Tensor, pair: tuple[int, int]) -> None:
    (first, second), (width, height) = (SPAN[n] for n in pair), (TYPICAL[n] for n in pair)
    shown = _from_0_to_1(values).T  # imshow draws rows along the vertical axis
    extent = (-first, first, -second, second)
    ax.imshow(shown, origin="lower", extent=extent, aspect="auto", cmap="cividis", vmin=0, vmax=1)
    across, up = (np.linspace(-half, half, n) for half, n in zip((first, second), values.shape, strict=True))
    ax.contour(across, up, shown, levels=np.linspace(0.1, 0.9, 9), colors="white", linewidths=0.5, alpha=0.7)
    ax.add_patch(Rectangle((-width, -height), 2 * width, 2 * height, fill=False, linestyle="--", edgecolor="white"))
    ax.plot(0, 0, "+", color="white", markersize=9)
    # there are no ticks at the ends, where the labels of neighbouring panels would touch
    ax.set(xticks=[-first / 2, 0, first / 2], yticks=[-second / 2, 0, second / 2])


def patches_on(ax: Axes, camera: Camera, corners: Tensor, size: int, color: str = ORANGE) -> None:
    """Draw square patches on a :func:`diffpose_nb.plots.picture`.

    Parameters
    ----------
    corners
        (P, 2) column and row of each patch's upper left pixel.
    size
        Side of a patch, pixels.
    """
    (rows, columns), (down, across) = camera.shape, camera.pixel_spacing
    for column, row in np.asarray(corners, float):
        place = ((column - columns / 2) * across, (row - rows / 2) * down)
        ax.add_patch(Rectangle(place, size * across, size * down, fill=False, edgecolor=color, linewidth=1))


def joint_histogram(ax: Axes, image: Tensor, target: Tensor, title: str = "", bins: int = 48) -> None:
    """Draw how often each pair of grey values occurs at the same pixel of a DRR and an X-ray.

    A darker cell is a more frequent pair.

    Parameters
    ----------
    image, target
        (N,) values of the same pixels in the DRR and in the X-ray.
    bins
        Number of bins along each axis.
    """
    counts, *edges = np.histogram2d(np.asarray(image), np.asarray(target), bins)
    ax.pcolormesh(*edges, np.sqrt(counts.T), cmap="Greys")
    ax.set(title=title, xlabel="DRR, line integral", ylabel="X-ray, attenuation")


def arrivals(ends: Tensor, starts: Tensor, methods: Sequence[str], arrived: float) -> Figure:
    """From which starts a descent arrives at the true pose: one panel for each method, one row for each parameter.

    Parameters
    ----------
    ends
        (methods, S) error of each descent at its end.
    starts
        (S, 6) offsets of the starts from the true pose, each along one parameter only. The horizontal axis shows them
        as fractions of :data:`diffpose_nb.similarity.landscapes.SPAN`.
    methods
        Names of the methods.
    arrived
        A descent has arrived if its error at the end is below this, in the unit of ``ends``.
    """
    figure, axes = panels(len(methods), shape=0.62, sharex=True, sharey=True)
    first = axes[0]
    parameter = np.abs(np.asarray(starts)).argmax(1)
    place = np.asarray(starts).sum(1) / np.array(SPAN)[parameter]
    for ax, method, end in zip(axes, methods, np.asarray(ends), strict=True):
        good = end < arrived
        ax.plot(place[good], parameter[good], "o", color=BLUE, label="arrives")
        ax.plot(place[~good], parameter[~good], "x", color=ORANGE, label="does not")
        ax.set_title(method)
        ax.axvline(0, color="0.8", zorder=0)
    first.set(yticks=range(6), yticklabels=NAMES, xticks=[-1, 0, 1], ylim=(5.5, -0.5), xlim=(-1.25, 1.25))
    figure.supxlabel("start, as a share of the span", fontsize="medium")
    figure.legend(*first.get_legend_handles_labels(), loc="outside lower right", ncols=2, frameon=False)
    return figure


def correlation_map(
    ax: Axes, image: Tensor, target: Tensor, patch: int, valid: Tensor, camera: Camera, title: str = ""
) -> None:
    """Draw the NCC of the patch around each pixel.

    White is an NCC of 1, black an NCC of 0 or less. Patches with invalid pixels are not compared and have that colour.

    Parameters
    ----------
    image, target
        (rows, columns) the images to compare.
    patch
        Side of a patch, pixels, an odd number.
    valid
        (rows, columns) bool: the pixels that may be compared.
    camera
        The camera of the images.
    """
    whole = whole_patches(target.shape, patch, 1, valid)
    shown = torch.full(whole.shape, torch.nan, dtype=torch.float64)
    shown[whole] = patch_ncc(image, target, patch, valid=valid)
    inner = camera.crop(patch // 2, patch // 2, *whole.shape)
    picture(shown, inner, ax, title, limits=(0, 1))


def _label(axis: int) -> str:
    return f"{NAMES[axis]}, {UNITS[axis]}"


def _from_0_to_1(values: Tensor) -> np.ndarray:
    low, high = values.min(), values.max()
    return np.asarray((values - low) / (high - low))
