"""Where the collimator leaves the detector open.

Behind the collimator's blades there is no image of the patient, only what scatters in, and that can be as bright as
the shadow of the spine: no threshold separates the two. The blades' edge does. Going outwards from the middle, the
attenuation jumps there within a few pixels and does not come back.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

_ANGLES = 360
_RISE = 0.5
"""At the edge attenuation jumps by at least this much: the signal falls to 60 %."""
_WIDTH = 6
"""Pixels within which it does so, of an image of 320; larger images have wider edges."""
_SHARP = 0.6
"""Share of the rise over three times that width: at the chest wall attenuation goes on rising, behind a blade it does
not."""
_GAP = 30
"""Degrees over which an edge that is not seen (behind the spine, say) is carried on from both sides."""
_MARGIN = 4
"""Pixels, of an image of 320, by which the field is narrowed: the edge is soft."""


def open_field(attenuation: Tensor) -> Tensor:
    """Pixels that the collimator leaves open, some way in from its edge.

    Parameters
    ----------
    attenuation
        (rows, columns) line integrals up to an offset. The middle of the image is taken to be open.

    Returns
    -------
    Tensor
        (rows, columns) bool. All True where no edge is found, as in an image without a collimator.
    """
    rows, columns = attenuation.shape
    scale = max(rows, columns) / 320
    centre = np.array([(rows - 1) / 2, (columns - 1) / 2])
    radii = np.arange(np.hypot(*centre) + 1)
    angles = np.deg2rad(np.arange(_ANGLES) * 360 / _ANGLES)
    direction = np.stack([np.sin(angles), np.cos(angles)])
    edge = _fill_gaps(_edge_radius(attenuation.numpy(), centre, direction, radii, scale))

    row, column = np.indices((rows, columns)) - centre[:, None, None]
    angle = np.rad2deg(np.arctan2(row, column)) % 360 * _ANGLES / 360
    limit = ndimage.map_coordinates(edge, [angle], order=1, mode="grid-wrap")
    inside = ndimage.binary_opening(np.hypot(row, column) < limit, np.ones((5, 5)))  # straight blades, no teeth
    return torch.from_numpy(ndimage.binary_erosion(inside, iterations=max(1, round(_MARGIN * scale)), border_value=1))


def _edge_radius(
    image: np.ndarray, centre: np.ndarray, direction: np.ndarray, radii: np.ndarray, scale: float
) -> np.ndarray:
    """(angles,) radius of the outermost lasting jump along each direction, infinite where there is none."""
    rows, columns = image.shape
    middle = image[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
    # an all but empty signal is noise, which jumps by itself: cut it off at a little more than the patient's darkest
    smooth = ndimage.gaussian_filter(np.minimum(image.astype(float), np.quantile(middle, 0.99) + 1), scale)
    at = centre[:, None, None] + direction[:, :, None] * radii
    polar = ndimage.map_coordinates(smooth, at, order=1, mode="constant", cval=np.nan)
    half = max(1, round(_WIDTH * scale / 2))
    inner, outer = polar[:, : -2 * half], polar[:, 2 * half :]
    padded = np.pad(polar, ((0, 0), (2 * half, 2 * half)), mode="edge")
    wide = padded[:, 6 * half :] - padded[:, : -6 * half]  # the rise over three times the width
    # the least that lies further out; beyond the image there is nothing to contradict
    lasting = np.fmin.accumulate(np.where(np.isnan(outer), np.inf, outer)[:, ::-1], axis=1)[:, ::-1]
    jump = np.where(np.isnan(outer), -np.inf, np.minimum(outer, lasting) - inner)
    found = (jump > _RISE) & ~(jump < _SHARP * wide)
    last = found.shape[1] - 1 - found[:, ::-1].argmax(1)
    # the steepest place of the outermost run of jumps
    radius = np.full(len(jump), np.inf)
    for angle in np.nonzero(found.any(1))[0]:
        start = last[angle]
        while start > 0 and found[angle, start - 1]:
            start -= 1
        radius[angle] = radii[start + jump[angle, start : last[angle] + 1].argmax() + half]
    return radius


def _fill_gaps(edge: np.ndarray) -> np.ndarray:
    """Single angles that disagree with their neighbours are outvoted; short gaps are filled from both sides."""
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
