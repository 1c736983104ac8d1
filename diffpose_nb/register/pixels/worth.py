"""Which pixels can be compared at a pose, and how much each is worth.

A ray says something about the pose only if the CT holds all that the X-ray shows along it. It does not where the CT
ends and the body goes on, nor beside a bone that is alone in its volume. Both depend on the pose, so they are found
anew for every DRR, with soft edges, since a sharp one would make the cost jump from step to step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from ...camera import Camera
from ...render import PackedVolume, integrate
from ...render.volumes.outside import Beyond
from ...render.volumes.prepared import packed_structure
from .level import Level, shadow_of

if TYPE_CHECKING:
    import torchio

_MISSING = 3.0
"""mm of water: a ray that misses so much more than its neighbours counts half."""
_TRUSTED = 7.0
"""A short CT is continued by a guess. A ray counts half if it goes so many mm through the guess for every mm by which
the stage is smoothed: coarse images ask for little more than that the body goes on."""
_UNEVEN = 1.5
"""mm of water: where what is missing varies so much within a neighbourhood, the edge of the CT is near."""
_COARSE = 64
"""Pixels of the image in which the missing part is computed."""
_STEP = 6.0
"""mm between samples of the missing part, which is a guess."""
_GLOBAL_MARGIN = 8
"""Pixels around the shadow that a stage without patches compares. One with patches takes a patch."""
_STRUCTURE = 3.0
"""mm: voxels and step of the structures whose shadow is looked for, at the most."""
_ALONE = 0.5
"""A volume holds only a part if the X-ray shows tissue beside its shadow, and that is more than this share of the
shadow's area."""


@dataclass(frozen=True)
class Worth:
    """How much each pixel counts at a pose.

    Parameters
    ----------
    missing
        What lies beyond the CT, from :func:`diffpose_nb.render.beyond`; None: the CT ends in air.
    near
        Only pixels in and beside the shadow count.
    structures
        Volumes whose shadow it is; empty: that of the whole volume.
    continued
        The CT was continued beyond its faces, by a guess.
    """

    missing: Beyond | None = None
    near: bool = False
    structures: tuple[PackedVolume, ...] = ()
    continued: bool = False

    @classmethod
    def of(
        cls,
        subject: torchio.Subject,
        labels: Sequence[int],
        scale: float,
        missing: Beyond | None,
        near: bool,
        continued: bool = False,
    ) -> Worth | None:
        """The worth for a subject; None if all pixels always count the same."""
        voxel = _STRUCTURE * scale
        volumes = tuple(packed_structure(subject, label, voxel, torch.float32) for label in labels)
        return cls(missing, near, volumes, continued) if missing is not None or near else None

    def __call__(self, level: Level, world_from_camera: Tensor, image: Tensor) -> Tensor | None:
        """(rows, columns) from 0 to 1 for a level's DRR at a pose; None if all count the same."""
        worth = None
        if self.missing is not None:
            guessed = _TRUSTED * level.stage.smoothing if self.continued else None
            worth = whole_rays(self.missing, level.camera, world_from_camera, guessed)
        if self.near:
            inside = self.shadow(level, world_from_camera, image)
            margin = _GLOBAL_MARGIN if level.stage.patch is None else level.stage.patch
            beside = _soft(inside, margin)
            worth = beside if worth is None else worth * beside
        return worth

    def shadow(self, level: Level, world_from_camera: Tensor, image: Tensor) -> Tensor:
        """(rows, columns) bool: where the part is seen."""
        if not self.structures:
            return shadow_of(image)
        rays = level.camera.rays(world_from_camera)
        source, target = (points[None] for points in rays)
        step = max(_STRUCTURE / 3, level.stage.step) / level.camera.sid
        columns = level.camera.shape[1]
        seen = [integrate(volume, source, target, step, False, columns)[0] > 0 for volume in self.structures]
        return torch.stack(seen).any(0).reshape(level.camera.shape)


def whole_rays(
    missing: Beyond, camera: Camera, world_from_camera: Tensor, guessed: float | None = None
) -> Tensor | None:
    """How much each ray counts, given what it misses: (rows, columns) from 0 to 1, or None if no ray misses anything.

    What every ray misses alike, as in a small reconstruction field, does no harm to local contrast, and so it does not
    count.

    Parameters
    ----------
    missing
        What lies beyond the CT, from :func:`diffpose_nb.render.beyond`.
    guessed
        mm of water. The CT was continued by a guess: it draws no edge, and a ray that goes so far through the guess
        counts half. None: the CT ends at its faces.
    """
    rows, columns = camera.shape
    factor = max(1, round(max(rows, columns) / _COARSE))
    small = camera.resize(max(1, rows // factor), max(1, columns // factor))
    column, row = missing.may_be_met(small, world_from_camera).mT.nonzero().unbind(1)  # down the columns, as they lie
    if not len(row):
        return None
    source, target = (points[None] for points in small.rays(world_from_camera, torch.stack([column, row], 1)))
    lost = torch.zeros(1, 1, *small.shape, dtype=torch.float64)
    lost[0, 0, row, column] = integrate(missing, source, target, _STEP / camera.sid, False)[0][0]
    if not lost.any():
        return None
    if guessed is not None:
        worth = 1 / (1 + (lost / guessed).square())
        return interpolate(worth, (rows, columns), mode="bilinear")[0, 0]
    most, least = max_pool2d(lost, 3, 1, 1), -max_pool2d(-lost, 3, 1, 1)
    usual = torch.quantile(lost, 0.25)
    worth = torch.exp(-((most - least) / _UNEVEN).square()) / (1 + ((lost - usual).clamp(min=0) / _MISSING).square())
    worth = interpolate(worth, (rows, columns), mode="bilinear")[0, 0]
    return worth.clamp(0, 1)


def is_alone(level: Level, world_from_camera: Tensor, image: Tensor, missing: Beyond | None) -> bool:
    """Whether the X-ray shows much tissue where the volume has none: then the volume holds only a part.

    Parameters
    ----------
    image
        (rows, columns) the DRR of all open pixels.
    """
    seen = level.open & shadow_of(image)
    values = level.target[level.open]
    air, dense = torch.quantile(values, 0.01), torch.quantile(values, 0.99)
    tissue = level.open & ~seen & (level.target > air + 0.15 * (dense - air))
    if missing is not None and (worth := whole_rays(missing, level.camera, world_from_camera)) is not None:
        tissue &= worth > 0.5
    return bool(seen.any()) and tissue.sum().item() > _ALONE * seen.sum().item()


def _soft(inside: Tensor, margin: int) -> Tensor:
    """The mask, widened by ``margin`` pixels and with an edge that is three pixels wide."""
    wide = max_pool2d(inside.double()[None, None], 2 * margin + 1, 1, margin)
    return avg_pool2d(wide, 3, 1, 1)[0, 0]
