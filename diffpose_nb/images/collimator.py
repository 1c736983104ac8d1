"""Finding the part of the detector that the collimator leaves open.

Behind the collimator's blades there is no image of the patient, only scattered radiation. It can be as bright as the
shadow of the spine, so no threshold separates the two. The edge of the blades does separate them: going outwards from
the middle of the image, the attenuation rises steeply there, within a few pixels, and stays high.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

_ANGLES = 360
"""Number of directions from the middle of the image in which the edge is searched."""
_RISE = 0.5
"""Smallest rise of the attenuation that counts as an edge: the signal then falls to 60 %."""
_WIDTH = 6
"""Number of pixels within which the attenuation has to rise, in an image of 320 pixels. Larger images have wider
edges, so the number grows with the image."""
_SHARP = 0.6
"""An edge needs at least this share of the rise that happens over three times the width. At the chest wall the
attenuation goes on rising, so the share is smaller; behind a blade it does not rise further."""
_GAP = 30
"""Widest gap in the edge, in degrees, that is filled from both sides. The edge is not seen behind the spine, for
example."""
_MARGIN = 4
"""Number of pixels, in an image of 320 pixels, by which the field is narrowed, because the edge is blurred."""


def open_field(attenuation: Tensor) -> Tensor:
    """Find the pixels that the collimator leaves open, without a narrow margin along its edge.

    Parameters
    ----------
    attenuation
        (rows, columns) line integrals; a constant offset does not matter. The middle of the image is assumed to be
        open.

    Returns
    -------
    Tensor
        (rows, columns) bool, True where the detector is open. If no edge is found, as in an image without a collimator,
        all pixels are True.
    """
    rows, columns = attenuation.shape
    scale = max(rows, columns) / 320
    centre = np.array([(rows - 1) / 2, (columns - 1) / 2])
    radii = np.arange(np.hypot(*centre) + 1)
    angles = np.deg2rad(np.arange(_ANGLES) * 360 / _ANGLES)
    direction = np.stack([np.sin(angles), np.cos(angles)])
    edge = _fill_gaps(_edge_radius(attenuation.numpy(), centre, direction, radii, scale))

    angle, radius = _polar((rows, columns))
    inside = radius < ndimage.map_coordinates(edge, [angle], order=1, mode="grid-wrap")
    # The edges of blades are straight, so narrow teeth of the field are errors; the opening removes them.
    inside = ndimage.grey_opening(inside.view(np.uint8), (5, 5), mode="constant").view(bool)
    return torch.from_numpy(ndimage.binary_erosion(inside, iterations=max(1, round(_MARGIN * scale)), border_value=1))


@lru_cache(maxsize=4)
def _polar(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) the direction of every pixel, from 0 to :data:`_ANGLES`, and its distance from the middle."""
    row, column = np.indices(shape) - (np.array(shape)[:, None, None] - 1) / 2
    return np.rad2deg(np.arctan2(row, column)) % 360 * _ANGLES / 360, np.hypot(row, column)


def _edge_radius(
    image: np.ndarray, centre: np.ndarray, direction: np.ndarray, radii: np.ndarray, scale: float
) -> np.ndarray:
    """Radius (angles,) of the outermost lasting jump along each direction; infinite where there is none."""
    rows, columns = image.shape
    middle = image[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
    # Where almost no signal arrives, noise makes the attenuation jump. So the attenuation is cut off a little above the
    # largest one in the middle of the image, where the patient is.
    smooth = ndimage.gaussian_filter(np.minimum(image.astype(float), np.quantile(middle, 0.99) + 1), scale)
    at = centre[:, None, None] + direction[:, :, None] * radii
    polar = ndimage.map_coordinates(smooth, at, order=1, mode="constant", cval=np.nan)
    half = max(1, round(_WIDTH * scale / 2))
    inner, outer = polar[:, : -2 * half], polar[:, 2 * half :]
    padded = np.pad(polar, ((0, 0), (2 * half, 2 * half)), mode="edge")
    wide = padded[:, 6 * half :] - padded[:, : -6 * half]  # the rise over three times the width
    # The smallest value from here outwards: a jump lasts if this value is high too. Outside the image nothing is known,
    # so the values there count as infinite.
    lasting = np.fmin.accumulate(np.where(np.isnan(outer), np.inf, outer)[:, ::-1], axis=1)[:, ::-1]
    jump = np.where(np.isnan(outer), -np.inf, np.minimum(outer, lasting) - inner)
    found = (jump > _RISE) & ~(jump < _SHARP * wide)
    last = found.shape[1] - 1 - found[:, ::-1].argmax(1)
    # The edge is the steepest place in the outermost run of jumps.
    radius = np.full(len(jump), np.inf)
    for angle in np.nonzero(found.any(1))[0]:
        start = last[angle]
        while start > 0 and found[angle, start - 1]:
            start -= 1
        radius[angle] = radii[start + jump[angle, start : last[angle] + 1].argmax() + half]
    return radius


def _fill_gaps(edge: np.ndarray) -> np.ndarray:
    """Fill short gaps in the edge from both sides, and replace outliers at single angles by the median around them."""
    seen = np.isfinite(edge)
    if not seen.any():
        return np.full_like(edge, 1e9)
    n = len(edge)
    around = np.concatenate([np.nonzero(seen)[0] + shift for shift in (-n, 0, n)])
    filled = np.interp(np.arange(n), around, np.tile(edge[seen], 3))
    after = np.searchsorted(around, np.arange(n))
    gap = around[after] - around[after - 1]
    filled[~seen & (gap > _GAP * n / 360)] = 1e9
    return ndimage.median_filter(filled, size=round(9 * n / 360), mode="wrap")
