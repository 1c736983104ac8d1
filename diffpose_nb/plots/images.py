"""Pictures of images. Axes are in millimetres at the detector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from ..camera import Camera, as_float64, ras_from_lps
from ..dicom.geometry.orientation import letters
from ..images import smooth_inside
from .style import NOT_COMPARED, WIDTH, panels

if TYPE_CHECKING:
    import torchio

_EDGES = (
    (0.03, 0.5, "left", "center"),
    (0.97, 0.5, "right", "center"),
    (0.5, 0.97, "center", "top"),
    (0.5, 0.03, "center", "bottom"),
)
"""Where letters stand at the left, right, top and bottom edge: (x, y) as fractions of the picture, and the edge of the
letters that is there. So they stay within the picture, however many they are."""


def orientation(direction: Tensor) -> str:
    """The anatomical letters of a world direction (3,), such as "LA" for left and front.

    The letter of the largest component comes first. Components below 0.25 are left out.

    >>> orientation(torch.tensor([-0.9, 0.4, 0.0]))
    'LA'
    """
    return letters(ras_from_lps[:3, :3] @ as_float64(direction), least=0.25)


def picture(
    image: Tensor,
    camera: Camera,
    ax: Axes | None = None,
    title: str = "",
    *,
    world_from_camera: Tensor | None = None,
    cmap: str = "gray",
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw an image at its size on the detector.

    Parameters
    ----------
    image
        (rows, columns), or (rows, columns, 3) in colour. NaN is drawn in :data:`~diffpose_nb.plots.NOT_COMPARED`.
    camera
        The camera of the image; its pixel spacing gives the axes in mm.
    ax
        The axes to draw on; by default a new figure is made.
    world_from_camera
        (4, 4) pose of the image. If it is given, letters at the image's edges say which way the patient lies (L left,
        R right, A front, P back, H head, F feet).
    cmap
        Name of the colour map, for images without colours of their own.
    limits
        Values that are drawn black and white; by default the 0.5 % and 99.5 % quantiles of the image.
    """
    ax = plt.subplots(figsize=(4.2, 4.2), layout="constrained")[1] if ax is None else ax
    (rows, columns), (row_spacing, column_spacing) = camera.shape, camera.pixel_spacing
    width, height = columns * column_spacing / 2, rows * row_spacing / 2
    values = np.asarray(image)
    low, high = np.nanquantile(values, (0.005, 0.995)) if limits is None else limits
    colors = plt.get_cmap(cmap).with_extremes(bad=NOT_COMPARED)
    ax.imshow(values, cmap=colors, vmin=low, vmax=high, extent=(-width, width, height, -height))
    ax.set(xlabel="mm at the detector", title=title)
    if world_from_camera is not None:
        right = world_from_camera[:3, 0] * (-1 if camera.mirrored else 1)
        down = world_from_camera[:3, 1]
        for direction, place in zip((-right, right, -down, down), _EDGES, strict=True):
            _letter(ax, orientation(direction), place)
    return ax


def _letter(ax: Axes, text: str, place: tuple[float, float, str, str]) -> None:
    box = {"facecolor": "black", "alpha": 0.55, "edgecolor": "none", "pad": 1.5}
    x, y, across, up = place
    ax.text(x, y, text, transform=ax.transAxes, color="white", weight="bold", ha=across, va=up, bbox=box)


def pictures(images: Mapping[str, Tensor], camera: Camera, **kwargs: object) -> Figure:
    """Draw images of one camera side by side, at most three in a row.

    Parameters
    ----------
    images
        Title → image, as for :func:`picture`.
    kwargs
        Passed to :func:`picture` for every image.
    """
    across = 2 if len(images) in (2, 4) else 3
    figure, axes = panels(len(images), across=across, shape=_height(camera), sharey=True)
    for ax, (title, image) in zip(axes, images.items(), strict=True):
        picture(image, camera, ax, title, **kwargs)
    return figure


def _height(camera: Camera) -> float:
    """Height of an image on the detector, as a fraction of its width."""
    (rows, columns), (row_mm, column_mm) = camera.shape, camera.pixel_spacing
    return rows * row_mm / (columns * column_mm)


def slices(subject: torchio.Subject, window: tuple[float, float] = (-1000, 500)) -> Figure:
    """The three middle slices of a CT, turned as radiologists show them.

    The coronal slice is seen from the patient's front, the sagittal one from the left, the axial one from the feet.

    Parameters
    ----------
    window
        Hounsfield units that are drawn black and white.
    """
    import torchio

    volume = torchio.ToCanonical()(subject["volume"])  # axes R, A, H
    voxels, half = volume.data[0].numpy(), np.array(volume.spacing) * volume.spatial_shape / 2
    i, j, k = (n // 2 for n in volume.spatial_shape)
    views = {  # (image, axis across, axis up, letters at the left, right, top and bottom)
        "coronal, from the front": (voxels[::-1, j, ::-1].T, 0, 2, "RLHF"),
        "sagittal, from the left": (voxels[i, ::-1, ::-1].T, 1, 2, "APHF"),
        "axial, from the feet": (voxels[::-1, ::-1, k].T, 0, 1, "RLAP"),
    }
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.6), layout="constrained")
    for ax, (title, (image, across, up, edges)) in zip(axes, views.items(), strict=True):
        extent = (-half[across], half[across], -half[up], half[up])
        ax.imshow(image, cmap="gray", vmin=window[0], vmax=window[1], extent=extent)
        ax.set(title=title, xlabel="mm")
        for letter, place in zip(edges, _EDGES, strict=True):
            _letter(ax, letter, place)
    return figure


def overlay(drr: Tensor, xray: Tensor, scale: float = 0.05) -> np.ndarray:
    """A DRR in orange over an X-ray in blue: grey where they agree, coloured double edges where they do not.

    Parameters
    ----------
    drr, xray
        (rows, columns) line integrals. Only their local contrast is shown; it is computed and scaled for each image
        separately, so that a difference in exposure does not matter. Where the X-ray is NaN, for example behind the
        collimator, the overlay is :data:`~diffpose_nb.plots.NOT_COMPARED`.
    scale
        Size of the neighbourhood that counts as local, as a fraction of the image's longer side.

    Returns
    -------
    ndarray
        (rows, columns, 3), 0 to 1.
    """
    seen = np.isfinite(np.asarray(xray))
    first, second = (_local_contrast(np.asarray(image, float), seen, scale) for image in (drr, xray))
    both = np.stack([first, (first + second) / 2, second], -1)
    return np.where(seen[..., None], both, to_rgb(NOT_COMPARED))


def _local_contrast(image: np.ndarray, seen: np.ndarray, scale: float) -> np.ndarray:
    sigma = scale * max(image.shape)
    detail = image - smooth_inside(image, seen, sigma)
    deviation = np.sqrt(smooth_inside(detail**2, seen, 2 * sigma))
    return np.clip(0.5 + np.where(seen, detail, 0) / (5 * deviation + 1e-12), 0, 1)


def effect(before: Tensor, after: Tensor, camera: Camera, titles: tuple[str, str] = ("before", "after")) -> Figure:
    """Show what one step of processing did to an image: before, after, and the difference of the two.

    Before and after share one scale of greys. The difference is after minus before, from blue (less) to red (more),
    with a colour bar.

    Parameters
    ----------
    before, after
        (rows, columns), both in the same unit.
    titles
        Titles of the first two pictures.
    """
    before, after = torch.as_tensor(before), torch.as_tensor(after)
    difference = (after - before).numpy()
    greys = tuple(np.nanquantile(torch.stack([before, after]).numpy(), (0.005, 0.995)))
    most = max(float(np.nanquantile(np.abs(difference), 0.995)), 1e-12)
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.7), layout="constrained", sharey=True)
    for ax, title, image in zip(axes, titles, (before, after), strict=False):
        picture(image, camera, ax, title, limits=greys)
    picture(difference, camera, axes[2], "difference", cmap="RdBu_r", limits=(-most, most))
    figure.colorbar(axes[2].images[0], ax=axes[2], shrink=0.75)
    return figure
