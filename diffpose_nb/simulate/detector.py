"""Scatter and blur, which change an image between the patient and the file, for :mod:`diffpose_nb.simulate`."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import ndimage

from ..camera import Camera


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
