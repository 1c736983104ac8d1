"""The readings of a matrix, in the order in which the X-ray confirms them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torchio
from torch import Tensor

from ..images import XRay
from .likeness import ncc, render_readings, small_target, tile_sums
from .readings import candidates

_SURE = 2.0
"""Standard errors between the first and the second that count as a difference."""
_CONVINCING = 0.6
"""Similarity below which even the first is not believed: chance and a hundred candidates reach 0.58 on a small crop."""


def rank(matrix: Tensor | np.ndarray, subject: torchio.Subject, xray: XRay, *, pixels: int = 64) -> pd.DataFrame:
    """The readings of a pose in an unknown convention, the likeliest first.

    Each of :func:`candidates` is rendered, small and coarse, and its edges are compared with those of the X-ray: the
    normalised cross-correlation of their gradients over the part that the collimator leaves open. A pose that sees
    nothing of the CT, or an X-ray without contrast, scores 0.

    A pose that is a little off, like a header's, scores less, and then more readings cannot be told apart.

    Parameters
    ----------
    matrix, subject
        As for :func:`candidates`.
    xray
        Pixels and camera; its own poses and ``camera.mirrored`` are not looked at.
    pixels
        The longer side of the pictures that are compared.

    Returns
    -------
    DataFrame
        Columns ``convention``; ``similarity``, -1 to 1; ``behind``, how far behind the first; ``±``, the standard error
        of that (a jackknife over 4 × 4 tiles of the image); ``verdict``: "this one", "no", or "cannot tell" for the
        first and all that are within two standard errors of it, or if the first is under 0.6.

    Raises
    ------
    ValueError
        See :func:`candidates`.
    """
    target, valid, camera = small_target(xray, pixels)
    found = candidates(matrix, subject, camera)
    pictures = render_readings(found, subject, camera)
    sums = tile_sums(pictures, target, valid)
    similarity = ncc(sums.sum(1))
    order = np.argsort(-similarity, kind="stable")
    without = ncc(sums.sum(1, keepdims=True) - sums)  # (candidates, tiles): all but one tile
    away = without[order[0]] - without[order]
    tiles = away.shape[1]
    error = np.sqrt((tiles - 1) / tiles * ((away - away.mean(1, keepdims=True)) ** 2).sum(1))
    behind = similarity[order[0]] - similarity[order]
    close = behind <= _SURE * error
    sure = close.sum() == 1 and similarity[order[0]] >= _CONVINCING
    verdict = np.where(close, "this one" if sure else "cannot tell", "no")
    return pd.DataFrame(
        {
            "convention": [found[k].name for k in order],
            "similarity": similarity[order],
            "behind": behind,
            "±": error,
            "verdict": verdict,
        }
    )
