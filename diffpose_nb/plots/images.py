"""Pictures. Axes are in millimetres at the detector; blue and orange tell apart for colour-blind readers too."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
import torchio
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ..camera import Camera, as_float64, ras_from_lps
from ..dicom.geometry.orientation import letters
from ..images import smooth_inside

_EDGES = ((0.05, 0.5), (0.95, 0.5), (0.5, 0.95), (0.5, 0.05))
"""Left, right, top, bottom, as fractions of a picture."""


def orientation(direction: Tensor) -> str:
    """Anatomical letters of a world direction (3,), strongest first; components under a quarter are left out.

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
    """An image as the detector holds it.

    Parameters
    ----------
    image
        (rows, columns), or (rows, columns, 3) in colour. NaN is drawn black.
    world_from_camera
        (4, 4): letters at the image's edges then tell which way the patient lies (L left, R right, A front, P back,
        H head, F feet).
    limits
        Grey values of black and white; default the 0.5 % and 99.5 % quantiles.
    """
    ax = plt.subplots(figsize=(4.2, 4.2), layout="constrained")[1] if ax is None else ax
    (rows, columns), (row_spacing, column_spacing) = camera.shape, camera.pixel_spacing
    width, height = columns * column_spacing / 2, rows * row_spacing / 2
    values = np.asarray(image)
    low, high = np.nanquantile(values, (0.005, 0.995)) if limits is None else limits
    colors = plt.get_cmap(cmap).with_extremes(bad="black")
    ax.imshow(values, cmap=colors, vmin=low, vmax=high, extent=(-width, width, height, -height))
    ax.set(xlabel="mm at the detector", title=title)
    if world_from_camera is not None:
        right = world_from_camera[:3, 0] * (-1 if camera.mirrored else 1)
        down = world_from_camera[:3, 1]
        for direction, place in zip((-right, right, -down, down), _EDGES, strict=True):
            _letter(ax, orientation(direction), place)
    return ax


def _letter(ax: Axes, text: str, place: tuple[float, float]) -> None:
    box = {"facecolor": "black", "alpha": 0.55, "edgecolor": "none", "pad": 1.5}
    ax.text(*place, text, transform=ax.transAxes, color="white", weight="bold", ha="center", va="center", bbox=box)


def pictures(images: Mapping[str, Tensor], camera: Camera, **kwargs: object) -> Figure:
    """Images of one camera side by side, by title; ``kwargs`` as for :func:`picture`."""
    figure, axes = plt.subplots(
        1, len(images), figsize=(3.7 * len(images), 4.1), layout="constrained", squeeze=False, sharey=True
    )
    for ax, (title, image) in zip(axes[0], images.items(), strict=True):
        picture(image, camera, ax, title, **kwargs)
    return figure


def slices(subject: torchio.Subject, window: tuple[float, float] = (-1000, 500)) -> Figure:
    """The CT's middle slices as radiologists hang them: from the patient's front, from the left, and from the feet.

    Parameters
    ----------
    window
        Hounsfield units of black and white.
    """
    volume = torchio.ToCanonical()(subject["volume"])  # axes R, A, H
    voxels, half = volume.data[0].numpy(), np.array(volume.spacing) * volume.spatial_shape / 2
    i, j, k = (n // 2 for n in volume.spatial_shape)
    views = {  # (image, axis across, axis up, letters at the left, right, top and bottom)
        "coronal, from the front": (voxels[::-1, j, ::-1].T, 0, 2, "RLHF"),
        "sagittal, from the left": (voxels[i, ::-1, ::-1].T, 1, 2, "APHF"),
        "axial, from the feet": (voxels[::-1, ::-1, k].T, 0, 1, "RLAP"),
    }
    figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
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
        (rows, columns) line integrals. Only their local contrast is compared, each standardised by itself. Where the
        X-ray is NaN (behind the collimator, say) the overlay is black.
    scale
        Width of the neighbourhood that is "local", as a fraction of the image.

    Returns
    -------
    ndarray
        (rows, columns, 3), 0 to 1.
    """
    seen = np.isfinite(np.asarray(xray))
    first, second = (_local_contrast(np.asarray(image, float), seen, scale) for image in (drr, xray))
    return np.stack([first, (first + second) / 2, second], -1) * seen[..., None]


def _local_contrast(image: np.ndarray, seen: np.ndarray, scale: float) -> np.ndarray:
    sigma = scale * max(image.shape)
    detail = image - smooth_inside(image, seen, sigma)
    deviation = np.sqrt(smooth_inside(detail**2, seen, 2 * sigma))
    return np.clip(0.5 + np.where(seen, detail, 0) / (5 * deviation + 1e-12), 0, 1)


def effect(before: Tensor, after: Tensor, camera: Camera, titles: tuple[str, str] = ("before", "after")) -> Figure:
    """What a step did to an image: before and after in the same greys, and after minus before with a scale.

    Parameters
    ----------
    before, after
        (rows, columns), of one unit. The difference runs from blue (less) to red (more).
    """
    before, after = torch.as_tensor(before), torch.as_tensor(after)
    difference = (after - before).numpy()
    greys = tuple(np.nanquantile(torch.stack([before, after]).numpy(), (0.005, 0.995)))
    most = max(float(np.nanquantile(np.abs(difference), 0.995)), 1e-12)
    figure, axes = plt.subplots(1, 3, figsize=(11.5, 4.1), layout="constrained", sharey=True)
    for ax, title, image in zip(axes, titles, (before, after), strict=False):
        picture(image, camera, ax, title, limits=greys)
    picture(difference, camera, axes[2], "difference", cmap="RdBu_r", limits=(-most, most))
    figure.colorbar(axes[2].images[0], ax=axes[2], shrink=0.75)
    return figure
