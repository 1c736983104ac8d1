"""How far a registration can be trusted: found, doubtful or lost, with the reasons in sentences.

NCC alone does not tell. On a whole chest a right pose has 0.95, on a real wrist of which the CT holds one bone it has
0.6, and a wrong pose of a smooth patient can have 0.8. What tells is whether the NCC stands out against that of wrong
poses of the same part in the same field, whether the fine detail agrees too, whether parts of the image agree with each
other, and how much of the part was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from ..camera import adjoint, exp_se3, invert
from ..similarity import PatchEquations
from ..similarity.normal_equations import NothingToCompareError
from .prior import Expectation

if TYPE_CHECKING:
    from .pixels.views import Views
    from .search import Attempt

Judgement = Literal["found", "doubtful", "lost"]
_FOUND, _LOST = 0.9, 0.2
"""A pose with at least the first confidence is found, one with less than the second is lost."""
_LOOSE = 3.0
"""mm: a pose whose position has a larger standard deviation in some direction is not found, but doubtful. The errors of
a whole are smaller than its standard deviations say."""
OPTIMISM, OPTIMISM_ALONE = 3.0, 6.0
"""Errors are larger than the scatter of the blocks says, since the renderer is no exact model of the X-ray, and what is
wrong in all blocks alike does not scatter. Depths were off by once or twice the scatter on simulated chests, and by
four to seven times on one view of a real wrist, where a bone is alone and what lies over it pulls."""
_CONSTANT = -7.8
_WEIGHTS = (11.7, 54.4, 2.3, -1.26)
"""Of the logistic regression, for the numbers of :func:`features_of`."""
_TURN, _SHIFT = 8.0, 15.0
"""Degrees, and mm for a part as large as a trunk: how far off the wrong poses are with which the pose is compared."""
_BLOCKS = 6
"""The image is divided into so many blocks along its longer side. Patches of one block overlap, so they are resampled
together."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for a pose and against it.

    Parameters
    ----------
    ncc
        Local NCC in the last stage, the mean over the views.
    coarse
        Local NCC in the stage before it, at the same pose. Where the pose is right, the fine detail agrees as well.
    contrast
        (NCC here - NCC of wrong poses) / (1 - NCC of wrong poses), on that coarser image; the wrong poses' mean counts.
    halves
        mm: how far apart the two halves of the image want the part to be, across the beam, at its border.
    uncertainty
        (6,) standard deviations, degrees and mm, about x, y and the beam of the first camera, from resampled blocks.
    seen
        The share of the part's shadow that was compared.
    patches
        The number of independent patches that were compared.
    """

    ncc: float
    coarse: float
    contrast: float
    halves: float
    uncertainty: Tensor
    seen: float
    patches: float


@dataclass(frozen=True)
class Verdict:
    """A judgement, its confidence from 0 to 1, and its reasons."""

    judgement: Judgement
    confidence: float
    reasons: list[str]


def judge(evidence: Evidence, agreement: float = float("nan"), loose: float = _LOOSE) -> Verdict:
    """Found, doubtful or lost: a logistic regression on what :class:`Evidence` holds, and two limits.

    Its coefficients were fitted to refinements of every kind of X-ray in :mod:`diffpose_nb.study.kinds`, mirrored ones
    and those of another patient among them, and to real X-rays of a wrist. A pose with a confidence of at least 0.9 is
    found, one with less than 0.2 is lost, and what lies between is doubtful. A pose that is right but known to no
    better than 3 mm in some direction is doubtful too, and so is one to which not all further attempts return.

    Parameters
    ----------
    agreement
        The share of further attempts that ended at the same pose; NaN if none was made.
    loose
        mm: a pose whose position has a larger standard deviation in some direction is doubtful.
    """
    confidence = _confidence(evidence)
    reasons = []
    if confidence >= _FOUND:
        reasons.append(
            f"The CT explains what the X-ray shows: local NCC {evidence.ncc:.2f}, and the fine detail agrees as well "
            f"as the coarse ({evidence.coarse:.2f})."
        )
    else:
        reasons += _against(evidence)
    limits = []
    loosest = evidence.uncertainty[3:].max().item()
    if confidence >= _LOST and loosest > loose:
        axis = ("x of the image", "y of the image", "the beam")[int(evidence.uncertainty[3:].argmax())]
        limits.append(
            f"Along {axis} the position is known to {loosest:.1f} mm only (one standard deviation): a second view or a "
            "narrower prior would settle it."
        )
    if not np.isnan(agreement):
        confidence *= agreement
        if agreement < 1:
            limits.append(f"Only {agreement:.0%} of the further attempts ended at this pose.")
    if confidence < _LOST:
        return Verdict("lost", confidence, reasons + limits)
    if confidence < _FOUND or limits:
        return Verdict("doubtful", min(confidence, _FOUND), reasons + limits)
    return Verdict("found", confidence, reasons)


def _confidence(evidence: Evidence) -> float:
    """From 0 to 1: the chance that the pose is right."""
    if not np.isfinite(evidence.halves) or evidence.patches == 0 or evidence.ncc <= 0:
        return 0.0
    features = features_of(evidence)
    return float(1 / (1 + np.exp(-(_CONSTANT + features @ np.array(_WEIGHTS)))))


def features_of(evidence: Evidence) -> np.ndarray:
    """(4,) the numbers from which the confidence is computed.

    They are the local NCC; how much smaller it is than on the coarser image; the contrast to wrong poses; and the
    logarithm of the distance in mm between what two halves of the image want.
    """
    return np.array(
        [
            evidence.ncc,
            min(0.0, evidence.ncc - evidence.coarse),
            evidence.contrast,
            np.log(np.clip(evidence.halves, 0.05, 10.0)),
        ]
    )


def _against(evidence: Evidence) -> list[str]:
    """What speaks against a pose, in sentences."""
    reasons = [f"The CT explains only a part of what the X-ray shows at this pose: local NCC {evidence.ncc:.2f}."]
    if evidence.ncc < evidence.coarse - 0.05:
        reasons.append(
            f"The fine detail does not agree: local NCC is {evidence.coarse:.2f} on a coarse image but "
            f"{evidence.ncc:.2f} on a fine one."
        )
    if evidence.contrast < 0.4:
        reasons.append("Wrong poses nearby explain the X-ray nearly as well.")
    if evidence.halves > 1:
        reasons.append(f"Two halves of the image want poses that are {evidence.halves:.1f} mm apart.")
    if evidence.seen < 0.2:
        reasons.append(f"Only {evidence.seen:.0%} of the shadow could be compared.")
    return reasons


def gather(views: Views, expectation: Expectation, attempt: Attempt) -> Evidence:
    """The evidence for the pose at which an attempt ended."""
    unknown = torch.full((6,), float("inf"))
    nothing = Evidence(attempt.ncc, attempt.ncc, 0.0, float("inf"), unknown, 0.0, 0.0)
    patched = [number for number, (levels, _) in attempt.stages.items() if levels[0].stage.patch is not None]
    if not patched or attempt.patches is None:
        return nothing
    coarse, last = attempt.stages[patched[-2:][0]][0], attempt.stages[patched[-1]][0]
    try:
        here, above = contrast(coarse, attempt.poses, views.axes, views.scale)
    except NothingToCompareError:  # the attempt ended where hardly a patch shows the CT
        return nothing
    independent = sum(level.independent for level in last)
    pull = expectation.information(independent)
    weight = expectation.weight(independent)
    widths = [level.patches_across for level in last]
    halves, deviations = halves_and_uncertainty(
        attempt.patches, widths, views.axes, pull, weight, views.radius,
        OPTIMISM_ALONE if views.alone else OPTIMISM,
    )  # fmt: skip
    seen = float(np.mean([level.seen(pose) for level, pose in zip(coarse, attempt.poses, strict=True)]))
    return Evidence(attempt.ncc, here, above, halves, deviations, seen, independent)


class Sees(Protocol):
    """What compares a view with the CT: a :class:`diffpose_nb.register.pixels.level.Level`, for one."""

    def likeness(self, pose: Tensor) -> float:
        """Local NCC at a pose (4, 4)."""


def contrast(levels: Sequence[Sees], poses: Tensor, axes: Tensor, scale: float) -> tuple[float, float]:
    """The NCC at the poses, and how far it stands out against the mean NCC of wrong poses.

    Parameters
    ----------
    levels
        A coarse level of each view.
    poses
        (V, 4, 4) the poses that were found.
    axes
        (4, 4) the first camera's axes about the centre of the part.
    scale
        The part's size, as a share of a trunk's: the wrong poses are as much nearer.
    """
    here = _likeness(levels, poses)
    others = []
    for twist in _wrong(scale):
        try:
            others.append(_likeness(levels, axes @ exp_se3(twist) @ invert(axes) @ poses))
        except ValueError:  # nothing of the part is seen from there
            continue
    if not others:
        return here, 0.0
    mean = float(np.mean(others))
    return here, (here - mean) / max(1 - mean, 1e-6)


def halves_and_uncertainty(
    patches: Sequence[PatchEquations],
    widths: Sequence[int],
    axes: Tensor,
    pull: Tensor,
    weight_of_prior: float,
    radius: float,
    optimism: float = OPTIMISM,
) -> tuple[float, Tensor]:
    """How far apart two halves of the images want the part, in mm, and the standard deviations of the pose.

    Both follow from the derivatives at the pose that was found: from the scatter of blocks of patches (the sandwich
    estimator of White, Econometrica 48:817, 1980, with blocks as clusters), and from the two colours of a chessboard of
    such blocks.

    Parameters
    ----------
    patches
        What the patches of each view say at the end.
    widths
        The number of patches in a row, for each view.
    axes
        (4, 4) the first camera's axes about the centre of the part.
    pull
        (6, 6) the prior's part of the Gauss-Newton matrix, in world axes.
    weight_of_prior
        The factor by which the inverse of the prior's covariance was multiplied to get ``pull``.
    radius
        Half the size of the part, mm: a rotation counts by the motion that it makes there.
    optimism
        By how much errors are larger than the scatter of the blocks says.

    Returns
    -------
    (float, Tensor)
        mm across the beam; (6,) degrees and mm, about x, y and the beam.
    """
    basis = adjoint(axes)
    gradients, hessians, colours = [], [], []
    for view, width in zip(patches, widths, strict=True):
        down, across = blocks_of(view.where, width)
        for number in (down * _BLOCKS + across).unique():
            chosen = down * _BLOCKS + across == number
            weight = view.weight[chosen] / len(patches)
            gradients.append(basis.mT @ (weight @ view.gradient[chosen, :6]))  # of the pose, not of the detector
            hessians.append(basis.mT @ torch.einsum("p,pij->ij", weight, view.hessian[chosen, :6, :6]) @ basis)
            colours.append((down[chosen][0] + across[chosen][0]).item() % 2 == 0)
    prior = basis.mT @ pull @ basis
    gradient, hessian = torch.stack(gradients), torch.stack(hessians)
    whole = hessian.sum(0) + prior
    whole = whole + 1e-9 * torch.diag(whole.diagonal().clamp(min=1e-12))
    scatter = gradient - gradient.mean(0)
    spread = scatter.mT @ scatter * len(gradient) / max(len(gradient) - 1, 1)
    inverse = torch.linalg.inv(whole)
    spread = optimism**2 * spread + weight_of_prior * prior  # where the image says nothing, the prior's own remains
    variances = (inverse @ spread @ inverse).diagonal().clamp(min=0)
    deviations = torch.cat([torch.rad2deg(variances[:3].sqrt()), variances[3:].sqrt()])

    colour = torch.tensor(colours)
    if colour.all() or not colour.any():
        return float("inf"), deviations
    steps = []
    for half in (colour, ~colour):
        matrix = hessian[half].sum(0) + prior / 2 + 1e-9 * torch.diag(whole.diagonal())
        steps.append(-torch.linalg.solve(matrix, gradient[half].sum(0)))
    between = steps[0] - steps[1]
    return (between[3:5].norm() + radius * between[:3].norm()).item(), deviations


def blocks_of(where: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """The row and the column of the block in which each patch lies; ``width`` patches are in a row of the image."""
    row, column = where // width, where % width
    size = max(1, int(np.ceil(max(row.max().item() + 1, column.max().item() + 1) / _BLOCKS)))
    return row // size, column // size


def _likeness(levels: Sequence[Sees], poses: Tensor) -> float:
    return float(np.mean([level.likeness(pose) for level, pose in zip(levels, poses, strict=True)]))


def _wrong(scale: float) -> Tensor:
    """(7, 6) twists: turned or shifted, and both at once."""
    turn, shift = np.deg2rad(_TURN), _SHIFT * scale
    sizes = torch.tensor([turn] * 3 + [shift] * 2, dtype=torch.float64)
    signs = torch.tensor([1, -1, 1, 1, -1], dtype=torch.float64)
    single = torch.diag(signs * sizes)
    both = 0.7 * sizes * torch.tensor([[1, 1, -1, 1, -1], [-1, -1, -1, -1, 1]], dtype=torch.float64)
    return torch.nn.functional.pad(torch.cat([single, both]), (0, 1))
