r"""Bones that have moved against each other: each piece gets a pose of its own, tied to its neighbours.

If the patient lies bent on the table, no rigid motion of the whole CT explains the X-ray, but each vertebra has moved
rigidly. Every voxel of the CT belongs to the pieces with weights :math:`w_k` that fall with the distance from them and
whose sum is 1, as in the polyrigid transformations of Arsigny, Pennec and Ayache (Med. Image Anal. 9:507, 2005). The
CT is resampled as the pieces lie, and the DRR is that of this warped CT. Its derivatives with respect to the pose of a
piece are those of the whole, each sample weighted by :math:`w_k`. All pieces move at once by Gauss-Newton on local NCC.
Springs between neighbours hold what the X-ray does not show, most of all the depth.

A sum of DRRs, one for each piece and its part :math:`w_k v` of the CT, would need no resampling. But it counts twice
what two pieces have moved onto the same place, and puts vertebrae of a bent patient 4 mm too deep or too near.

xReg (Grupp et al., IEEE Trans. Biomed. Eng. 67:441, 2020) registers pelvis and femurs one after the other and each by
itself; PolyPose (Gopalakrishnan et al., 2025) optimises the pieces' poses through a polyrigid warp of the CT, by
gradient descent on several views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, unfold

from ...camera import adjoint, as_float64, camera_axes, exp_se3, invert
from ...ct.partial import label_numbers
from ...images import XRay
from ...render import PackedVolume
from ...runtime import finish, progress_bar
from ..choices import Comparison, Strategy
from ..judgement import Evidence, Judgement, blocks_of
from ..pixels.level import Level, independent
from ..pixels.views import Views
from ..prior import Expectation, Prior
from ..stages import STAGES, Stage
from .field import PolyrigidField, belonging
from .march import piece_jacobian
from .springs import Springs, Stiffness
from .trust import Stand, deviations_of, evidence_of, verdict_of
from .warp import Warp

if TYPE_CHECKING:
    import pandas as pd
    import torchio
    from tqdm.auto import tqdm

PIECE_STAGES: tuple[Stage, ...] = tuple(replace(stage, voxel=max(stage.voxel, 1.4), stride=5) for stage in STAGES[1:])
"""The stages of :func:`refine_pieces`: those of a whole CT but the first, which compares the whole image. The patches
overlap less, and the CT is coarser in the last stage, since each piece has its own copy and six derivatives."""

_GAIN = 1e-3
"""A stage ends as soon as a step lowers the cost by less than this share of it: what moves on is what nobody sees."""
_RENEWALS = 2
"""At most so many times the last stage begins again because better poses changed what is known of the X-rays."""


@dataclass(frozen=True)
class PiecewiseRefinement:
    """The outcome of :func:`refine_pieces`.

    Parameters
    ----------
    structures
        The pieces, in the order of the other fields.
    world_from_camera
        (K, 4, 4) the pose of each piece, or (K, V, 4, 4) for V views.
    uncertainty
        (K, 6) standard deviations, degrees and mm, in the first camera's axes about the centre of each piece. They
        come from the picture and from the springs, as far as those hold what the picture leaves open.
    judgement, reasons, confidence, evidence
        Of each piece, as :class:`diffpose_nb.register.Refinement` has them of a whole: "found", "doubtful" or "lost";
        sentences that say why; (K,) from 0 to 1; and the numbers behind it, in and beside the shadow of the piece.
    field
        The smooth motion between the pieces.
    ncc
        Local NCC at the end.
    trace
        One row for each rendering: ``stage``, ``cost``, ``accepted``.
    reason
        Why the search stopped, in words.
    """

    structures: tuple[str | int, ...]
    world_from_camera: Tensor
    uncertainty: Tensor
    judgement: tuple[Judgement, ...]
    reasons: tuple[list[str], ...]
    confidence: Tensor
    evidence: tuple[Evidence, ...]
    field: PolyrigidField
    ncc: float
    trace: pd.DataFrame
    reason: str

    def pose(self, structure: str | int) -> Tensor:
        """The pose of one piece: (4, 4), or (V, 4, 4) for several views."""
        if structure not in self.structures:
            raise ValueError(f"{structure!r} is not among the pieces, which are {list(self.structures)}")
        return self.world_from_camera[self.structures.index(structure)]


def refine_pieces(
    subject: torchio.Subject,
    xray: XRay | Sequence[XRay],
    world_from_camera: Tensor,
    structures: Sequence[str | int],
    *,
    stiffness: Stiffness = Stiffness(),  # noqa: B008 - frozen
    prior: Prior = Prior(),  # noqa: B008 - frozen
    compare: Comparison = Comparison(),  # noqa: B008 - frozen
    stages: Sequence[Stage] = PIECE_STAGES,
    bone: float | None = None,
    progress: bool = True,
) -> PiecewiseRefinement:
    """Register several bones at once, each with its own pose, after the whole has been registered.

    Parameters
    ----------
    subject, xray
        The CT with its label map, and one X-ray or several of a patient who lies still.
    world_from_camera
        (4, 4), or (V, 4, 4) for V X-rays: the pose of the whole, from :func:`diffpose_nb.register.refine`.
    structures
        Names or numbers of labels: the pieces. Neighbours are found by the distances between their centres.
    stiffness
        How far neighbours move against each other.
    prior
        How far the pieces, taken together, may be from the pose of the whole. Bent patients are off by 20 mm along the
        beam, so a narrow one would pull.
    compare
        Which pixels are compared. ``structures`` in it restricts them to the shadows of these.
    stages
        The schedule; each stage has patches.
    bone
        The factor on bone. None: it is estimated.

    Raises
    ------
    ValueError
        There are fewer than two pieces, one is not in the label map, or a stage has no patches.
    """
    import pandas as pd

    one = isinstance(xray, XRay)
    xrays = [xray] if one else list(xray)
    start = as_float64(world_from_camera).reshape(-1, 4, 4)
    if len(structures) < 2:
        raise ValueError("structures names fewer than two pieces; register.refine moves one")
    if any(stage.patch is None for stage in stages):
        raise ValueError("a stage has no patches: pieces are compared by local NCC")
    numbers = label_numbers(subject, structures)
    views = Views(subject, xrays, start, compare, Strategy(bone=bone), 0)
    weights, world_from_grid, centres = belonging(subject, numbers)
    field = PolyrigidField(weights, world_from_grid, torch.eye(4, dtype=torch.float64).expand(len(numbers), 4, 4))
    springs = Springs(centres, start[0], stiffness, prior)
    bar = progress_bar(total=sum(stage.iterations for stage in stages), show=progress)
    search = _PieceSearch(views, field, springs, start, bar)
    reason = "interrupted"
    try:
        for number, stage in enumerate(stages):
            reason = search.descend(stage, number)
        for _ in range(_RENEWALS):
            if not search.sees_otherwise(stages[-2:][0]):
                break
            reason = search.descend(stage, number)
        finish(bar)
    except KeyboardInterrupt:
        pass
    finally:
        bar.close()
    poses = search.motions[:, None] @ start
    evidence = search.evidence(numbers)
    verdicts = [verdict_of(each) for each in evidence]
    return PiecewiseRefinement(
        structures=tuple(structures),
        world_from_camera=poses[:, 0] if one else poses,
        uncertainty=torch.stack([each.uncertainty for each in evidence]),
        judgement=tuple(verdict.judgement for verdict in verdicts),
        reasons=tuple(verdict.reasons for verdict in verdicts),
        confidence=torch.tensor([verdict.confidence for verdict in verdicts], dtype=torch.float64),
        evidence=tuple(evidence),
        field=PolyrigidField(weights, world_from_grid, invert(search.motions)),
        ncc=1 - search.cost,
        trace=pd.DataFrame(search.rows, columns=["stage", "cost", "accepted"]),
        reason=reason,
    )


class _PieceSearch:
    """Levenberg-Marquardt on the motions of all pieces at once."""

    def __init__(self, views: Views, field: PolyrigidField, springs: Springs, start: Tensor, bar: tqdm) -> None:
        self.views, self.field, self.springs, self.start, self.bar = views, field, springs, start, bar
        self.motions = field.motions.clone()
        self.cost, self.independent = np.inf, 1.0
        self.hessian, self.held, self.blocks = None, None, None
        self.stands: list[Stand] = []
        self.rows: list[tuple] = []

    def descend(self, stage: Stage, number: int) -> str:
        """Improve the motions on one stage by Levenberg-Marquardt. Returns why it stopped."""
        self.views.warp = self._warp(self.motions) if self.rows else None
        levels = self.views.levels(stage, number + 1, self.start)
        for level, pose in zip(levels, self.start, strict=True):
            level.begin(pose)
        fitted = levels[0].stage
        at_rest = self.views.volume_at_rest(fitted)
        motions, lowest, damping, slope = self.motions, np.inf, fitted.damping, None
        step, reason = torch.zeros(len(motions), 6, dtype=torch.float64), "reached its last iteration"
        for _ in range(fitted.iterations):
            trial = exp_se3(step) @ motions
            warp = self._warp(trial)
            volume = warp(at_rest)
            cost, blocks, hessian, independent = self._linearise(levels, warp, volume.pack(), trial)
            held = self.springs.equations(trial, independent)
            total = cost + held[0]
            accepted = total < lowest
            still = lowest - total < _GAIN * total
            self.rows.append((number + 1, cost, accepted))
            self.bar.update()
            if accepted:
                motions, lowest, end = trial, total, (warp, volume)
                self.motions, self.cost, self.independent = trial, cost, independent
                self.hessian, self.held, self.blocks = hessian, held[2], blocks
                slope = blocks.sum(0) + held[1]
                damping = max(0.2 * damping, 1e-6)
            else:
                damping = max(8 * damping, 1e-3)
            small = step[:, :3].norm(dim=1).max() < fitted.tolerance[0]
            small = small and step[:, 3:].norm(dim=1).max() < fitted.tolerance[1]
            if step.any() and (small or (accepted and still)):
                reason = "converged"
                break
            matrix = self.hessian + self.held
            damped = matrix + damping * torch.diag(matrix.diagonal())
            step = -torch.linalg.solve(damped, slope).reshape(-1, 6)
            step = step / max(1.0, (step[:, :3].norm(dim=1).max() / 0.1).item(), (step[:, 3:].abs().max() / 15).item())
        self.stands = [*self.stands[-1:], Stand(levels, self.start, *end)]
        return reason

    def sees_otherwise(self, stage: Stage) -> bool:
        """Whether another share of bone or another veil is found now that the pieces lie where they do."""
        self.views.warp = self._warp(self.motions)
        return self.views.look_again(stage, self.start)

    def evidence(self, labels: Sequence[int]) -> list[Evidence]:
        """The evidence for each piece, whose labels are given."""
        centres, poses = self.springs.centres, self.motions[:, None] @ self.start
        weight = Expectation.weight(self.independent)
        if self.blocks is None:
            deviations = torch.full((len(labels), 6), float("inf"), dtype=torch.float64)
        else:
            deviations = deviations_of(self.blocks, self.hessian, self.held, weight, centres, self.start[0])
        found = []
        for k, label in enumerate(labels):
            axes = camera_axes(self.start[0], centres[k])
            pull = self.held[6 * k : 6 * k + 6, 6 * k : 6 * k + 6] if self.stands else torch.zeros(6, 6)
            found.append(evidence_of(self.views.subject, label, k, self.stands, poses, axes, pull, deviations[k]))
        return found

    def _warp(self, motions: Tensor) -> Warp:
        return Warp(replace(self.field, motions=invert(motions)))

    def _linearise(
        self, levels: Sequence[Level], warp: Warp, volume: PackedVolume, motions: Tensor
    ) -> tuple[float, Tensor, Tensor, float]:
        """Mean cost, gradient of each block (B, 6K), Gauss-Newton matrix (6K, 6K); and the independent patches."""
        found = [
            self._of_view(level, warp, volume, start, motions) for level, start in zip(levels, self.start, strict=True)
        ]
        cost, blocks, hessian, independent = (list(values) for values in zip(*found, strict=True))
        count = len(found)
        return sum(cost) / count, torch.cat(blocks) / count, sum(hessian) / count, sum(independent)

    def _of_view(
        self, level: Level, warp: Warp, volume: PackedVolume, start: Tensor, motions: Tensor
    ) -> tuple[float, Tensor, Tensor, float]:
        stage, camera = level.stage, level.camera
        used, pixels = level.compared()
        rows, columns = camera.shape
        images = torch.zeros(1 + 6 * len(motions), rows * columns)
        line, jacobian = piece_jacobian(volume, *warp.weights, *camera.rays(start, pixels), stage.step / camera.sid)
        images[0, used] = line
        # from twists of where the warped piece is seen from to those of its own pose
        turned = torch.stack([adjoint(motion) for motion in invert(motions)]).mT.float() @ jacobian
        images[1:, used] = turned.flatten(0, 1)
        image = images[0].reshape(rows, columns)
        worth = level.worth_at(motions[len(motions) // 2] @ start, image.double())
        whole = avg_pool2d(level.valid[None].double(), stage.patch, stage.stride).flatten() == 1
        share = torch.ones_like(whole, dtype=torch.float64)
        if worth is not None:
            share = avg_pool2d((level.valid * worth)[None], stage.patch, stage.stride).flatten()
            whole &= share > 0.5
        return (*_patch_normal_equations(images, level, whole, share), independent(int(whole.sum()), stage))


def _patch_normal_equations(images: Tensor, level: Level, whole: Tensor, share: Tensor) -> tuple[float, Tensor, Tensor]:
    """:func:`diffpose_nb.similarity.ncc_normal_equations` for many parameters, as one product of matrices.

    The gradient is returned block by block (B, D); their sum is the gradient.
    """
    stage, (rows, columns) = level.stage, level.camera.shape
    across = (columns - stage.patch) // stage.stride + 1

    def cut(values: Tensor) -> Tensor:
        """(C, P, pixels) the patches of images (C, rows * columns), each minus its mean."""
        patches = unfold(values.reshape(-1, 1, rows, columns), stage.patch, stride=stage.stride)[..., whole].mT
        return patches - patches.mean(-1, keepdim=True)

    target, image = cut(level.target.reshape(1, -1))[0].double(), cut(images[:1])[0].double()
    rr, tt, rt = (image * image).mean(-1), (target * target).mean(-1), (image * target).mean(-1)
    rr, tt = rr.clamp(min=1e-6 * rr.mean().item() + 1e-30), tt.clamp(min=1e-6 * tt.mean().item() + 1e-30)
    ncc = rt / (rr * tt).sqrt()
    weight = tt.sqrt() * share[whole]
    weight = weight / weight.sum()
    # the residual of a patch is z(image) - z(target); its derivative is that of z(image)
    pull = (target / (rr * tt).sqrt()[:, None] - (ncc / rr)[:, None] * image) * weight[:, None] / image.shape[1]
    jacobian = cut(images[1:])  # (D, P, pixels)
    each = -torch.einsum("dpn,pn->pd", jacobian, pull.float()).double()
    unit = (image / (image.shape[1] * rr[:, None]).sqrt()).float()
    jacobian = jacobian - (jacobian * unit).sum(-1, keepdim=True) * unit
    flat = (jacobian * (weight / rr / image.shape[1]).sqrt()[:, None].float()).flatten(1)
    down, right = blocks_of(whole.nonzero().squeeze(1), across)
    _, block = (down * across + right).unique(return_inverse=True)
    blocks = each.new_zeros(int(block.max()) + 1, each.shape[1]).index_add(0, block, each)
    return (weight @ (1 - ncc)).item(), blocks, (flat @ flat.mT).double()
