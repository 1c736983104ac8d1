"""Which way round the greys of an X-ray are, judged from the picture alone."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from torch import Tensor

from .filters import smooth_inside

CLEAR = 0.4
"""Skewness from which on the picture is taken to tell. Of 180 pictures of simulated chests from all sides (linear, as a
logarithm, and processed for display) 124 reach it, and all of these are judged rightly."""
_SCALES = (0.03, 0.04, 0.06)
"""Widths of the neighbourhoods whose contrast is looked at, as fractions of the image."""
_ENDS = 0.06
"""Fraction of the range of greys at either end that is left out: the collimator, direct exposure, saturation."""


def beam_sign(values: Tensor) -> int | None:
    """Whether larger values mean more beam (+1) or less (-1); None if the picture does not tell.

    Air, in the lungs or beside a limb, makes bright and sharp spots in the picture of the beam, and bones make broad
    and faint shadows. So the local contrast of the beam is skewed to the positive side.

    Parameters
    ----------
    values
        (rows, columns).
    """
    image = values.double().numpy()
    low, high = np.quantile(image, [0.002, 0.998])
    if high <= low:
        return None
    grey = (image - low) / (high - low)
    seen = ndimage.binary_opening((grey > _ENDS) & (grey < 1 - _ENDS), iterations=2)
    found = [_skewness(grey, seen, scale * max(image.shape)) for scale in _SCALES]
    skewness = float(np.mean(found))
    return None if np.isnan(skewness) or abs(skewness) < CLEAR else int(np.sign(skewness))


def _skewness(grey: np.ndarray, seen: np.ndarray, width: float) -> float:
    """Skewness of what stands out from a neighbourhood of ``width`` pixels; NaN where too little is seen."""
    from scipy import stats

    inner = ndimage.binary_erosion(seen, iterations=int(1.5 * width) + 1)
    if inner.sum() < 0.01 * grey.size:
        return float("nan")
    contrast = smooth_inside(grey, seen, width / 4) - smooth_inside(grey, seen, width)
    return float(stats.skew(contrast[inner]))
