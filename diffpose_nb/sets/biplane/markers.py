"""Metal beads on the skin: where two X-rays show them, and which shadows belong together."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ...camera import epipolar_distances, fundamental_matrix
from ...images import XRay, open_field

_CONTRAST = 0.17
"""Smallest line integral of a bead, above its surroundings. A steel bead of 1 mm has 0.2 behind a hand that is seen
from the side, and 0.6 beside the arm."""
_AREA = (0.35, 1.6)
"""Limits of a shadow's area, counted where it has at least half of its contrast, as a share of the disc of a bead."""
_ROUND = 1.35
"""Largest ratio of a shadow's longest standard deviation to its shortest. Two beads that touch have a larger ratio, and
so has the edge of a bone."""


def beads(xray: XRay, diameter: float = 6.0) -> Tensor:
    """Find small round shadows, such as those of metal beads on the skin.

    A morphological opening separates what is narrower than a bead from the rest of the image. Shadows that are not
    round are left out: edges of bones, letters, and beads whose shadows touch.

    Parameters
    ----------
    xray
        The X-ray.
    diameter
        Diameter of a bead's shadow, pixels.

    Returns
    -------
    Tensor
        (N, 2) float64 (column, row), to a fraction of a pixel, from top to bottom.
    """
    attenuation = xray.attenuation()
    smooth = ndimage.gaussian_filter(attenuation.numpy(), diameter / 6)
    hat = smooth - ndimage.grey_opening(smooth, size=2 * round(1.2 * diameter) + 1)
    hat[~open_field(attenuation).numpy()] = 0
    spots, _ = ndimage.label(hat > 0.7 * _CONTRAST)
    found = []
    for number, window in enumerate(ndimage.find_objects(spots), start=1):
        spot = np.where(spots[window] == number, hat[window], 0)
        place = _round_spot(spot, np.pi / 4 * diameter**2)
        if place is not None:
            found.append(place + np.array([window[1].start, window[0].start]))
    places = np.array(found).reshape(-1, 2)
    return torch.from_numpy(places[places[:, 1].argsort()])


def paired_beads(first: XRay, second: XRay, limit: float = 1.0, diameter: float = 6.0) -> tuple[Tensor, Tensor, Tensor]:
    """The beads that two X-rays show, paired so that each lies on the other's epipolar line.

    The pairing is the one with the smallest sum of distances. It is unique where no two beads lie on one epipolar line.

    Parameters
    ----------
    first, second
        Two X-rays of the same moment, with poses in one frame.
    limit
        Pixels: a pair that misses its epipolar line by more is left out.
    diameter
        Diameter of a bead's shadow, pixels.

    Returns
    -------
    (Tensor, Tensor, Tensor)
        (N, 2) pixels in the first and in the second image, and (N,) how far the second lie from the epipolar lines of
        the first, in pixels, with sign.
    """
    here, there = beads(first, diameter), beads(second, diameter)
    matrix = fundamental_matrix((first.camera, second.camera), (first.world_from_camera, second.world_from_camera))
    distances = epipolar_distances(here, there, matrix)
    one, other = linear_sum_assignment(distances.abs().clamp(max=10 * limit).numpy())
    near = distances[one, other].abs() <= limit
    one, other = torch.from_numpy(one)[near], torch.from_numpy(other)[near]
    return here[one], there[other], distances[one, other]


def _round_spot(spot: np.ndarray, disc: float) -> np.ndarray | None:
    """The (column, row) of a spot's centre within its window, None if it is no bead."""
    if spot.max() < _CONTRAST:
        return None
    core = np.where(spot > spot.max() / 2, spot, 0)
    row, column = np.nonzero(core)
    if not _AREA[0] * disc <= len(row) <= _AREA[1] * disc:
        return None
    narrow, wide = np.linalg.eigvalsh(np.cov(np.stack([row, column])))
    if wide > _ROUND**2 * narrow:
        return None
    return np.average(np.stack([column, row]), axis=1, weights=core[row, column])
