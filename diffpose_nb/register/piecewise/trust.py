"""How far each piece can be trusted: the evidence for one bone, with all others held where they were found.

It is gathered as for a whole, but only in and beside the shadow of the bone: how well the sum of all pieces agrees with
the X-ray there, how much worse it agrees if this bone alone is moved, and whether parts of its shadow agree with each
other. How well its pose is known is another question, since its neighbours hold it: for that, blocks of patches are
resampled for the poses of all pieces together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from ...camera import adjoint, camera_axes, invert
from ...render import PackedVolume, Volume, integrate, ray_jacobian
from ...render.volumes.prepared import packed_structure
from ...similarity import PatchEquations, patch_equations
from ...similarity.normal_equations import NothingToCompareError
from ..judgement import OPTIMISM, Evidence, Verdict, contrast, halves_and_uncertainty, judge
from ..pixels.level import Level, independent
from ..pixels.part import Part
from .warp import Share, Warp

if TYPE_CHECKING:
    import torchio

_VOXEL = 3.0
"""mm: voxels and step of the bone whose shadow is looked for; for a small bone as much less."""
_LOOSE = 1.5
"""mm: a piece whose position has a larger standard deviation in some direction is doubtful. Its errors are as large as
its standard deviations, since what lies far from all pieces moves in ways that no field knows: on one view of 40
simulated patients who lay bent, one vertebra in ten was more than 3 mm off along the beam, which is less than two of
them."""
_UNSEEN = 0.02
"""A bone is not in the picture if less of its shadow than this is compared."""


@dataclass(frozen=True)
class Stand:
    """A stage as it ended: the levels and the poses of the whole, of each view, and the CT as the pieces lie."""

    levels: Sequence[Level]
    starts: Tensor
    warp: Warp
    volume: Volume


class Look:
    """A level that looks at one piece, which can be moved while all others stay.

    Parameters
    ----------
    level, start
        The level of a view, and the pose (4, 4) of the whole in it.
    whole, share
        The CT as the pieces lie, and what of it belongs to the piece.
    pose
        (4, 4) where the piece was found.
    bone, step
        The bone alone, whose shadow is looked at, and the distance of samples in it, mm.
    """

    def __init__(
        self, level: Level, start: Tensor, whole: PackedVolume, share: Share, pose: Tensor, bone: PackedVolume,
        step: float,
    ) -> None:  # fmt: skip
        self.level, self.part, self.bone, self.step = level, share, bone, step
        self.others = self._integral(whole, start, level.stage.step) - self._line(share, pose)

    def likeness(self, pose: Tensor) -> float:
        """The local NCC in and beside the bone's shadow with the bone at a pose (4, 4)."""
        found = self._patches(pose, torch.zeros(0, *self.level.camera.shape, dtype=torch.float64))
        return 1 - (found.weight @ found.cost).item()

    def patches(self, pose: Tensor) -> PatchEquations:
        """What each patch says of the bone's pose. They are numbered as if they were all that fit into the image."""
        camera = self.level.camera
        rays = camera.rays(self.part.seen_from(pose))
        _, jacobian = ray_jacobian(self.part.volume, *rays, self.level.stage.step / camera.sid)
        return self._patches(pose, self.part.of_the_piece(jacobian).double().reshape(6, *camera.shape))

    def seen(self, pose: Tensor) -> float:
        """The share of the bone's shadow that is compared; 0 if it falls beside the image."""
        shadow = self._shadow(pose)
        return (self.level.valid[shadow].sum() / shadow.sum().clamp(min=1)).item()

    def _patches(self, pose: Tensor, jacobian: Tensor) -> PatchEquations:
        level, stage = self.level, self.level.stage
        image = self.others + self._line(self.part, pose)
        wide = max_pool2d(self._shadow(pose).double()[None, None], 2 * stage.patch + 1, 1, stage.patch)
        worth = avg_pool2d(wide, 3, 1, 1)[0, 0]
        if (whole := level.worth_at(pose, image)) is not None:
            worth = worth * whole
        return patch_equations(
            image, jacobian, level.target, stage.patch, stage.stride, level.valid, "deviation", worth
        )

    def _line(self, part: Share, pose: Tensor) -> Tensor:
        return self._integral(part.volume, part.seen_from(pose), self.level.stage.step)

    def _shadow(self, pose: Tensor) -> Tensor:
        return self._integral(self.bone, pose, self.step) > 0

    def _integral(self, volume: PackedVolume, pose: Tensor, step: float) -> Tensor:
        camera = self.level.camera
        source, target = (points[None] for points in camera.rays(pose))
        line = integrate(volume, source, target, step / camera.sid, False, camera.shape[1])
        return line[0].reshape(camera.shape)


def evidence_of(
    subject: torchio.Subject, label: int, piece: int, stands: Sequence[Stand], poses: Tensor, axes: Tensor,
    pull: Tensor, deviations: Tensor,
) -> Evidence:  # fmt: skip
    """The evidence for one piece.

    Parameters
    ----------
    label
        Its number in the label map.
    piece
        Its number among the pieces.
    stands
        The stages that have ended; the last one, and the one before it if there is one, are looked at.
    poses
        (K, V, 4, 4) where all pieces were found.
    axes
        (4, 4) the first camera's axes about the centre of the piece.
    pull
        (6, 6) what springs and prior add to the Gauss-Newton matrix of this piece, in world axes.
    deviations
        (6,) the standard deviations of its pose.
    """
    nothing = Evidence(0.0, 0.0, 0.0, float("inf"), deviations, 0.0, 0.0)
    if not stands:
        return nothing
    part = Part.of(subject, [label])
    step = _VOXEL * part.scale
    bone = packed_structure(subject, label, step, torch.float32)
    coarse, last = (_looks(stand, piece, poses[piece], bone, step) for stand in (stands[-2:][0], stands[-1]))
    own = poses[piece]
    seen = float(np.mean([look.seen(pose) for look, pose in zip(last, own, strict=True)]))
    if seen < _UNSEEN:
        return nothing
    try:
        patches = [look.patches(pose) for look, pose in zip(last, own, strict=True)]
        here, above = contrast(coarse, own, axes, part.scale)
    except NothingToCompareError:
        return replace(nothing, seen=seen)
    cropped = [_cropped(each, look.level.patches_across) for each, look in zip(patches, last, strict=True)]
    halves, _ = halves_and_uncertainty(
        [each for each, _ in cropped], [width for _, width in cropped], axes, pull, 0.0, part.extent / 2
    )
    ncc = float(np.mean([1 - (each.weight @ each.cost).item() for each in patches]))
    count = sum(independent(len(each.where), last[0].level.stage) for each in patches)
    return Evidence(max(ncc, 0.0), here, above, halves, deviations, seen, count)


def _looks(stand: Stand, piece: int, poses: Tensor, bone: PackedVolume, step: float) -> list[Look]:
    whole, share = stand.volume.pack(), stand.warp.share(stand.volume, piece)
    return [
        Look(level, start, whole, share, pose, bone, step)
        for level, start, pose in zip(stand.levels, stand.starts, poses, strict=True)
    ]


def verdict_of(evidence: Evidence) -> Verdict:
    """Found, doubtful or lost, as for a whole; a piece that is not in the picture is lost."""
    if evidence.seen < _UNSEEN:
        return Verdict("lost", 0.0, ["The X-ray does not show this piece: its pose follows from its neighbours'."])
    return judge(evidence, loose=_LOOSE)


def deviations_of(
    blocks: Tensor, hessian: Tensor, held: Tensor, weight_of_prior: float, centres: Tensor, start: Tensor
) -> Tensor:
    """(K, 6) standard deviations, degrees and mm, in the first camera's axes about the centre of each piece.

    The sandwich estimator of :func:`diffpose_nb.register.judgement.halves_and_uncertainty`, for all pieces at once.

    Parameters
    ----------
    blocks
        (B, 6K) the gradient of each block of patches.
    hessian, held
        (6K, 6K) the Gauss-Newton matrix of the image, and that of springs and prior.
    weight_of_prior
        As there.
    centres
        (K, 3) world mm.
    start
        (4, 4) the pose of the whole in the first view.
    """
    scatter = blocks - blocks.mean(0)
    spread = scatter.mT @ scatter * len(blocks) / max(len(blocks) - 1, 1)
    inverse = torch.linalg.inv(hessian + held)
    covariance = inverse @ (OPTIMISM**2 * spread + weight_of_prior * held) @ inverse
    rows = []
    for k, centre in enumerate(centres):
        basis = adjoint(invert(camera_axes(start, centre)))
        own = basis @ covariance[6 * k : 6 * k + 6, 6 * k : 6 * k + 6] @ basis.mT
        deviations = own.diagonal().clamp(min=0).sqrt()
        rows.append(torch.cat([torch.rad2deg(deviations[:3]), deviations[3:]]))
    return torch.stack(rows)


def _cropped(patches: PatchEquations, width: int) -> tuple[PatchEquations, int]:
    """The patches numbered anew within the smallest box that holds them, and how many are in a row of it."""
    row, column = patches.where // width, patches.where % width
    row, column = row - row.min(), column - column.min()
    across = int(column.max()) + 1
    return replace(patches, where=row * across + column), across
