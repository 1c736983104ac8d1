"""Which convention is this matrix in? Every candidate is rendered and compared with the X-ray.

A 4 × 4 matrix does not say what it maps, from which origin, or from which side its image is seen. The CT and the X-ray
do: of all readings of the matrix, the right one renders a picture that looks like the X-ray.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
import torchio
from scipy import ndimage
from torch import Tensor

from ._candidates import Candidate, candidates, deepfluoro_volume
from .camera import Camera
from .collimator import open_field
from .ct import linear_attenuation
from .dicom import XRay
from .render import Renderer

__all__ = ["LETTER", "Candidate", "candidates", "deepfluoro_volume", "rank", "with_letter"]

LETTER: tuple[tuple[float, ...], ...] = (
    (27, 45, 50, 60, -70, 70),
    (-45, 45, 50, 60, 52, 70),
    (-15, 45, 50, 60, -8, 10),
)
"""The three strokes of a letter F, each (x, x, y, y, z, z) in world mm: 140 mm high, in front of the spine, to be read
by who faces the patient. No turn and no mirror image of it is itself."""

_VOXEL, _STEP = 3.5, 4.0
"""mm: the CT is averaged to about this before it is rendered, and sampled so far apart."""
_TILES = 4
"""The image is cut into so many tiles a side; how their votes scatter says how sure the ranking is."""
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
    target, valid, camera = _target(xray, pixels)
    found = candidates(matrix, subject, camera)
    pictures = _render(found, subject, camera)
    sums = _tile_sums(pictures, target, valid)
    similarity = _ncc(sums.sum(1))
    order = np.argsort(-similarity, kind="stable")
    without = _ncc(sums.sum(1, keepdims=True) - sums)  # (candidates, tiles): all but one tile
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


def with_letter(
    subject: torchio.Subject, strokes: Sequence[Sequence[float]] = LETTER, hounsfield: float = 6000.0
) -> torchio.Subject:
    """A copy of a CT with a letter F of metal in it, which tells left from right in every picture.

    Parameters
    ----------
    subject
        Of :mod:`diffpose_nb.ct`, its voxel axes along the world's; it stays as it is.
    strokes
        Boxes (x, x, y, y, z, z), world mm, filled where voxel centres lie.
    hounsfield
        Of the letter.
    """
    volume, density = subject["volume"], subject["density"]
    hu, mu = volume.data.clone(), density.data.clone()
    voxel_from_world = np.linalg.inv(volume.affine)
    for stroke in strokes:
        ends = np.reshape(stroke, (3, 2)).T @ voxel_from_world[:3, :3].T + voxel_from_world[:3, 3]
        low, high = np.ceil(ends.min(0)).astype(int).clip(0), np.floor(ends.max(0)).astype(int) + 1
        box = (0, *(slice(*edge) for edge in zip(low, high, strict=True)))
        hu[box] = hounsfield
        mu[box] = linear_attenuation(torch.tensor(hounsfield))
    others = {name: value for name, value in subject.items() if name not in ("volume", "density")}
    return torchio.Subject(
        volume=torchio.ScalarImage(tensor=hu, affine=volume.affine),
        density=torchio.ScalarImage(tensor=mu, affine=density.affine),
        **others,
    )


def _target(xray: XRay, pixels: int) -> tuple[np.ndarray, np.ndarray, Camera]:
    """The X-ray's attenuation and the pixels to trust (rows, columns), and the camera, all small."""
    attenuation = replace(xray, notes=[]).attenuation()
    rows, columns = (max(8, round(pixels * n / max(xray.camera.shape))) for n in xray.camera.shape)
    small = XRay(attenuation, xray.camera, xray.world_from_camera).resize(rows, columns)
    field = XRay(open_field(attenuation).float(), xray.camera, xray.world_from_camera).resize(rows, columns)
    return small.pixels.double().numpy(), field.pixels.numpy() > 0.99, small.camera


def _render(found: list[Candidate], subject: torchio.Subject, camera: Camera) -> np.ndarray:
    """(candidates, rows, columns) float64, of the CT in coarse voxels."""
    poses, which = torch.unique(torch.stack([one.world_from_camera for one in found]), dim=0, return_inverse=True)
    sides = {mirrored: replace(camera, mirrored=mirrored) for mirrored in (True, False)}
    drrs = {True: _drrs(subject, sides[True], poses)}
    central = camera.principal_point[0] == (camera.shape[1] - 1) / 2  # then one side is the other, turned over
    drrs[False] = drrs[True][..., ::-1] if central else _drrs(subject, sides[False], poses)
    return np.stack([drrs[one.camera.mirrored][k] for one, k in zip(found, which.tolist(), strict=True)])


def _drrs(subject: torchio.Subject, camera: Camera, poses: Tensor) -> np.ndarray:
    """(poses, rows, columns) float64."""
    return Renderer(subject, camera, voxel=_VOXEL, step=_STEP)(poses)[:, 0].double().numpy()


def _tile_sums(pictures: np.ndarray, target: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(candidates, tiles, 3): the sums xx, tt, xt of gradients, of which the correlation is made, per tile."""
    trusted = ndimage.binary_erosion(valid, np.ones((3, 3)), border_value=0)
    rows, columns = target.shape
    tile = (np.arange(rows) * _TILES // rows)[:, None] * _TILES + np.arange(columns) * _TILES // columns
    belongs = np.eye(_TILES**2)[tile[trusted]]  # (pixels, tiles)
    total = np.zeros((len(pictures), _TILES**2, 3))
    for axis in (0, 1):
        x, t = (_slope(images, axis)[:, trusted] for images in (pictures, target[None]))
        total += np.stack([(x * x) @ belongs, np.repeat((t * t) @ belongs, len(x), 0), (x * t) @ belongs], -1)
    return total


def _slope(images: np.ndarray, axis: int) -> np.ndarray:
    """Of images (N, rows, columns), smoothed by a pixel, along rows or columns."""
    smooth = ndimage.gaussian_filter(images, (0, 1, 1))
    return np.gradient(smooth, axis=axis + 1)


def _ncc(sums: np.ndarray) -> np.ndarray:
    """(..., 3) sums xx, tt, xt of gradients, whose mean is nearly 0, to their correlation; 0 without contrast."""
    xx, tt, xt = np.moveaxis(sums, -1, 0)
    energy = xx * tt
    return np.divide(xt, np.sqrt(np.maximum(energy, 0)), out=np.zeros_like(xt), where=energy > 1e-20)
