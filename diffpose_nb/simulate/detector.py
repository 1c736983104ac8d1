"""Collimator, scatter and blur, which change an image between the tube and the file, for
:mod:`diffpose_nb.simulate`."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from scipy import ndimage
from scipy.special import ndtr

from ..camera import Camera

Collimation = Literal["octagon", "circle", "rectangle"]
_PENUMBRA = 1.5  # mm at the detector: blur of a blade's edge 15 to 20 cm from a 0.6 mm focal spot


def scattered(primary: np.ndarray, collimated: np.ndarray, ratio: float, spread: float, camera: Camera) -> np.ndarray:
    """The scattered signal (rows, columns), relative to the open beam.

    Parameters
    ----------
    primary, collimated
        (rows, columns) the primary signal without and with a collimator, relative to the open beam.
    ratio
        Scattered over primary signal, both summed over the image.
    spread
        Standard deviation of the scatter's blur, mm at the detector.
    """
    born = -collimated * np.log(np.clip(primary, 1e-30, 1.0))
    if ratio == 0 or born.sum() <= 0:
        return np.zeros_like(primary)
    born *= ratio * collimated.sum() / born.sum()
    # Scatter is so smooth that a few points per standard deviation are enough: it is blurred on a coarser grid.
    (rows, columns), spacing = camera.shape, camera.pixel_spacing
    coarse = [max(1, min(n, math.ceil(4 * n * mm / spread))) for n, mm in zip((rows, columns), spacing, strict=True)]
    small = torch.nn.functional.interpolate(torch.from_numpy(born)[None, None], tuple(coarse), mode="area")[0, 0]
    sigma = [spread * c / (n * mm) for c, n, mm in zip(coarse, (rows, columns), spacing, strict=True)]
    small = torch.from_numpy(ndimage.gaussian_filter(small.numpy(), sigma, mode="constant"))  # part of it misses
    return torch.nn.functional.interpolate(small[None, None], (rows, columns), mode="bilinear")[0, 0].numpy()


def blurred(image: np.ndarray, sigma: float, camera: Camera) -> np.ndarray:
    """The image after a Gaussian blur with a standard deviation of ``sigma`` mm at the detector."""
    if sigma == 0:
        return image
    return ndimage.gaussian_filter(image, [sigma / mm for mm in camera.pixel_spacing], mode="nearest")


def collimator(camera: Camera, shape: Collimation, field: float) -> np.ndarray:
    """The share of the beam that the collimator lets through: (rows, columns) from 0 to 1, with a soft edge.

    ``field`` is the width of the field as a share of the detector's shorter side, for a rectangle as a share of each
    side.
    """
    (rows, columns), (row_spacing, column_spacing) = camera.shape, camera.pixel_spacing
    y = np.abs(np.arange(rows) - (rows - 1) / 2)[:, None] * row_spacing
    x = np.abs(np.arange(columns) - (columns - 1) / 2)[None, :] * column_spacing
    half_height, half_width = field * rows * row_spacing / 2, field * columns * column_spacing / 2
    radius = min(half_height, half_width)
    if shape == "rectangle":
        outside = np.maximum(y - half_height, x - half_width)
    elif shape == "circle":
        outside = np.hypot(x, y) - radius
    else:
        outside = np.maximum(np.maximum(x, y), (x + y) / np.sqrt(2)) - radius
    return ndtr(-outside / _PENUMBRA)
