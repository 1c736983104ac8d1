"""Where to start when the angles of the C-arm are not known: the CT is looked at from all sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from ...camera import Camera, carm_pose, rigid_motion
from ...images import XRay, open_field, smooth_inside
from ...render import Renderer
from ...runtime import progress_bar
from ..choices import Comparison, Strategy
from ..pixels.part import Part
from ..refinement import refine
from ..stages import STAGES

if TYPE_CHECKING:
    import torchio

PRIMARY = tuple(range(-180, 180, 15))
"""Primary angles that are tried, degrees."""
SECONDARY = (-25, 0, 25)
"""Secondary angles that are tried, degrees."""
_PIXELS = 48
"""The X-ray is looked at with so many pixels along its longer side."""
_VOXEL = 5.0
"""The CT is averaged over blocks of this size, mm."""
_MARGIN = 0.6
"""The DRR is wider than the X-ray by this share on each side, so that the patient can be shifted to fit."""
_WIDE = 0.12
"""Standard deviation of the blur that is taken away, as a share of the X-ray's side."""
_APART = 25.0
"""Degrees: a view that is nearer to a better one is left out, since the refinement from there ends at the same pose."""


def find_start(
    subject: torchio.Subject,
    xray: XRay,
    sod: float,
    *,
    compare: Comparison = Comparison(),  # noqa: B008 - frozen
    primary: Sequence[float] = PRIMARY,
    secondary: Sequence[float] = SECONDARY,
    number: int = 6,
    progress: bool = True,
) -> Tensor:
    """A pose from which :func:`diffpose_nb.register.refine` can start, for an X-ray whose angles are not known.

    From every angle a small DRR is rendered, and the X-ray is shifted over it to where both agree best, by normalised
    cross-correlation of what is left after a wide blur has been taken away. From the best views the two coarse stages
    of a refinement run, and the pose with the highest local NCC is returned. The head is taken to be at the top of the
    X-ray, to within some 20 degrees.

    Parameters
    ----------
    subject
        The CT.
    xray
        The X-ray. Its pose is not used.
    sod
        Distance from the source to the middle of the patient, mm.
    compare
        As for the refinement; a part of the CT is looked for where it is alone.
    primary, secondary
        The angles to try, degrees.
    number
        From so many views the coarse stages run.
    progress
        Show a progress bar.

    Returns
    -------
    Tensor
        ``world_from_camera`` (4, 4).
    """
    target, valid, camera = _coarse(xray)
    rows, columns = camera.shape
    margin = (round(_MARGIN * rows), round(_MARGIN * columns))
    wide = _widened(camera, margin)
    renderer = Renderer(subject, wide, voxel=_VOXEL, step=_VOXEL)
    centre = Part.of(subject, compare.structures).centre
    found = []
    angles = [(float(a), float(b)) for b in secondary for a in primary]
    for alpha, beta in progress_bar(angles, "views", show=progress):
        pose = carm_pose(alpha, beta, sod, centre)
        likeness, shift = _best_shift(renderer(pose)[0, 0].numpy(), target, valid, margin)
        found.append((likeness, pose @ _sideways(shift, camera, sod)))
    coarse = Strategy(restarts=0, stages=STAGES[:2])
    runs = [
        refine(subject, xray, pose, compare=compare, search=coarse, progress=False)
        for pose in progress_bar(_distinct(found, number), "coarse stages", show=progress)
    ]
    return max(runs, key=lambda run: run.ncc).world_from_camera


def _coarse(xray: XRay) -> tuple[np.ndarray, np.ndarray, Camera]:
    """The X-ray's line integrals and the pixels of the open field, both small, and their camera."""
    observed = xray.attenuation()
    rows, columns = observed.shape
    scale = min(1.0, _PIXELS / max(rows, columns))
    small = (max(8, round(rows * scale)), max(8, round(columns * scale)))
    plain = replace(xray, world_from_camera=xray.world_from_camera, true_world_from_camera=None)
    line = replace(plain, pixels=observed).resize(*small)
    inside = replace(plain, pixels=open_field(observed).float()).resize(*small)
    return line.pixels.numpy(), inside.pixels.numpy() > 0.99, line.camera


def _widened(camera: Camera, margin: tuple[int, int]) -> Camera:
    (rows, columns), (column, row) = camera.shape, camera.principal_point
    shape = (rows + 2 * margin[0], columns + 2 * margin[1])
    return replace(camera, shape=shape, principal_point=(column + margin[1], row + margin[0]))


def _best_shift(
    drr: np.ndarray, target: np.ndarray, valid: np.ndarray, margin: tuple[int, int]
) -> tuple[float, tuple[int, int]]:
    """The highest NCC of the X-ray's open pixels with a window of the DRR, and how far the window lies off the middle.

    NCC of all windows at once, by correlations with the mask and with the masked X-ray.
    """
    from scipy import signal

    width = _WIDE * max(target.shape)
    shown = target - smooth_inside(target, valid, width)
    everywhere = np.ones_like(drr, dtype=bool)
    image = drr - smooth_inside(drr, everywhere, width)
    mask = valid.astype(float)
    count = mask.sum()
    template = np.where(valid, shown - shown[valid].mean(), 0.0)

    def correlated(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return signal.fftconvolve(values, kernel[::-1, ::-1], mode="valid")

    total, squares = correlated(image, mask), correlated(image**2, mask)
    spread = np.sqrt(np.clip(squares - total**2 / count, 0, None) * (template**2).sum())
    ncc = correlated(image, template) / np.maximum(spread, 1e-3 * spread.max() + 1e-12)
    row, column = np.unravel_index(ncc.argmax(), ncc.shape)
    return float(ncc.max()), (int(row) - margin[0], int(column) - margin[1])


def _sideways(shift: tuple[int, int], camera: Camera, sod: float) -> Tensor:
    """The camera's motion, in its own axes, that brings a window of the DRR to the middle of the image."""
    down, across = shift
    row_spacing, column_spacing = camera.pixel_spacing
    right = -across if camera.mirrored else across
    mm = [right * column_spacing * sod / camera.sid, down * row_spacing * sod / camera.sid, 0.0]
    return rigid_motion([0.0, 0.0, 0.0], mm)


def _distinct(found: list[tuple[float, Tensor]], number: int) -> list[Tensor]:
    """The poses of the best views, no two of which look in nearly the same direction."""
    chosen: list[Tensor] = []
    for _, pose in sorted(found, key=lambda item: -item[0]):
        least = np.cos(np.deg2rad(_APART))
        if all(float(pose[:3, 2] @ other[:3, 2]) < least for other in chosen):
            chosen.append(pose)
        if len(chosen) == number:
            break
    return chosen
