"""Pictures of every reading of a matrix, and how much they look like the X-ray, tile by tile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import torchio
from scipy import ndimage
from torch import Tensor

from ..camera import Camera
from ..images import XRay, open_field
from ..render import Renderer
from .readings import Candidate

_VOXEL, _STEP = 3.5, 4.0
"""Size of the blocks over which the CT is averaged before it is rendered, and distance between samples, mm."""
_TILES = 4
"""Number of tiles along each side of the image. How much the similarity differs between tiles says how sure the ranking
is."""


def small_target(xray: XRay, pixels: int) -> tuple[np.ndarray, np.ndarray, Camera]:
    """The X-ray's attenuation (rows, columns), the pixels to trust (rows, columns) and the camera, all reduced in size.

    ``pixels`` is the longer side of the result.
    """
    attenuation = replace(xray, notes=[]).attenuation()
    rows, columns = (max(8, round(pixels * n / max(xray.camera.shape))) for n in xray.camera.shape)
    small = XRay(attenuation, xray.camera, xray.world_from_camera).resize(rows, columns)
    field = XRay(open_field(attenuation).float(), xray.camera, xray.world_from_camera).resize(rows, columns)
    return small.pixels.double().numpy(), field.pixels.numpy() > 0.99, small.camera


def render_readings(found: list[Candidate], subject: torchio.Subject, camera: Camera) -> np.ndarray:
    """Pictures of all candidates, (candidates, rows, columns) float64, rendered from the CT in coarse voxels."""
    poses, which = torch.unique(torch.stack([one.world_from_camera for one in found]), dim=0, return_inverse=True)
    sides = {mirrored: replace(camera, mirrored=mirrored) for mirrored in (True, False)}
    drrs = {True: _drrs(subject, sides[True], poses)}
    central = camera.principal_point[0] == (camera.shape[1] - 1) / 2  # then the two sides are mirror images
    drrs[False] = drrs[True][..., ::-1] if central else _drrs(subject, sides[False], poses)
    return np.stack([drrs[one.camera.mirrored][k] for one, k in zip(found, which.tolist(), strict=True)])


def _drrs(subject: torchio.Subject, camera: Camera, poses: Tensor) -> np.ndarray:
    """Pictures from all poses, (poses, rows, columns) float64."""
    return Renderer(subject, camera, voxel=_VOXEL, step=_STEP)(poses)[:, 0].double().numpy()


def tile_sums(pictures: np.ndarray, target: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(candidates, tiles, 3): the sums xx, tt and xt of gradients in each tile, which :func:`ncc` takes."""
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
    """Derivatives of images (N, rows, columns) down (axis 0) or across (axis 1), after a blur by one pixel."""
    smooth = ndimage.gaussian_filter(images, (0, 1, 1))
    return np.gradient(smooth, axis=axis + 1)


def ncc(sums: np.ndarray) -> np.ndarray:
    """The correlation of gradients from their sums xx, tt and xt, (..., 3); it is 0 if there is no contrast.

    The mean of the gradients is nearly 0, so it is not subtracted.
    """
    xx, tt, xt = np.moveaxis(sums, -1, 0)
    energy = xx * tt
    return np.divide(xt, np.sqrt(np.maximum(energy, 0)), out=np.zeros_like(xt), where=energy > 1e-20)
