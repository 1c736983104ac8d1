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
"""A reading that is behind the first by more than this many standard errors counts as worse."""
_CONVINCING = 0.6
"""If the similarity of the first reading is less than this, it is not trusted: on a small crop, the best of a hundred
candidates reaches 0.58 by chance."""


def rank(matrix: Tensor | np.ndarray, subject: torchio.Subject, xray: XRay, *, pixels: int = 64) -> pd.DataFrame:
    """The readings of a pose in an unknown convention, the likeliest first.

    Each of :func:`candidates` is rendered as a small, coarse picture, and its edges are compared with those of the
    X-ray. The similarity is the normalised cross-correlation of their gradients, over the part that the collimator
    leaves open. It is 0 if a pose sees nothing of the CT, or if the X-ray has no contrast.

    If the pose is a little wrong, as in a header, the similarity is lower, and more readings cannot be told apart.

    Parameters
    ----------
    matrix, subject
        As for :func:`candidates`.
    xray
        The X-ray. Its pixels and its camera are used; its own poses and ``camera.mirrored`` are ignored.
    pixels
        Size of the longer side of the pictures that are compared, in pixels.

    Returns
    -------
    DataFrame
        A row for each reading. The columns are ``convention``; ``similarity``, from -1 to 1; ``behind``, how much less
        the similarity is than that of the first row; ``±``, the standard error of ``behind`` (a jackknife over 4 × 4
        tiles of the image); and ``verdict``. The verdict is "no" for readings that are more than two standard errors
        behind the first. It is "this one" for the first, if it is the only one left and its similarity is at least 0.6;
        otherwise it is "cannot tell" for the first and all others that are left.

    Raises
    ------
    ValueError
        As for :func:`candidates`.
    """
    target, valid, camera = small_target(xray, pixels)
    found = candidates(matrix, subject, camera)
    pictures = render_readings(found, subject, camera)
    sums = tile_sums(pictures, target, valid)
    similarity = ncc(sums.sum(1))
    order = np.argsort(-similarity, kind="stable")
    without = ncc(sums.sum(1, keepdims=True) - sums)  # (candidates, tiles): similarity of all tiles but one
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
