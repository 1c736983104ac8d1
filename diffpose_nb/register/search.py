"""Levenberg-Marquardt through the stages: one motion of the patient, seen in one or several views."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..camera import LEVER, adjoint, exp_se3, make_transform
from ..similarity import NormalEquations, PatchEquations
from ..similarity.normal_equations import NothingToCompareError
from .calibration import DEVIATIONS
from .judgement import Evidence
from .outcome import Callback, Step, beside
from .pixels.level import Level
from .prior import Expectation
from .stages import BONE

if TYPE_CHECKING:
    from tqdm.auto import tqdm

_LONGEST_STEP = (0.15, 25.0)
"""Radians and mm. A longer step is cut to this length, since the cost is linearised only near the pose."""
_ROUNDING = 1e-9
"""An NCC that is smaller than this is none at all."""
_REVISIONS = 2
"""At most so many times a stage begins again because other pixels turned out to be comparable."""
_RENEWALS = 5
"""At most so many times a stage begins again because its better pose changed what is known of the X-rays."""
_NOISE = 3e-4
"""The cost of a pose is known to about this share of it, because samples along rays lie differently at every pose. A
step that is refused though it promised to gain less was not too long: there is nothing left to gain."""
_PRIOR = 1e-3
"""Twice the cost, in units of 1 - NCC, of a detector that is one standard deviation off; see :func:`prior`."""


@dataclass
class Attempt:
    """How far one descent has come.

    Parameters
    ----------
    poses
        (V, 4, 4), the pose of each view.
    correction
        (3,) mm, the correction of the detector, see :func:`diffpose_nb.register.adjusted`.
    cost
        1 - NCC at these poses.
    equations
        The cost linearised there; None before the first rendering.
    reason
        Why the descent stopped, in words.
    patches
        What each patch says there, for each view; None if the stage has no patches.
    stages
        The levels of each stage that has ended, one for each view, and the NCC at its end, by the stage's number.
    foreign, bone
        What no pose explains, by the number of the view, and the factor on bone, see
        :class:`diffpose_nb.register.Refinement`.
    evidence
        What speaks for the pose and against it; None before it was gathered.
    """

    poses: Tensor
    correction: Tensor
    cost: float = np.inf
    equations: NormalEquations | None = None
    reason: str = "interrupted"
    patches: list[PatchEquations] | None = None
    stages: dict[int, tuple[Sequence[Level], float]] = field(default_factory=dict)
    foreign: dict[int, Tensor] = field(default_factory=dict)
    bone: float = BONE
    evidence: Evidence | None = None

    @property
    def ncc(self) -> float:
        explained = 1 - self.cost
        return explained if explained > _ROUNDING else 0.0

    def looseness(self, centre: Tensor | None = None) -> float:
        """See :class:`diffpose_nb.register.Refinement`; rotations are about ``centre`` (3,), by default the origin."""
        if self.equations is None:
            return np.inf
        scale = torch.tensor([1 / LEVER] * 3 + [1.0] * 3, dtype=torch.float64)
        hessian = self.equations.hessian
        if centre is not None:
            about = torch.eye(len(hessian), dtype=torch.float64)
            about[:6, :6] = adjoint(make_transform(torch.eye(3), centre))
            hessian = about.mT @ hessian @ about
        if len(hessian) > 6:  # A motion that the detector could explain as well does not count as known.
            cross = hessian[:6, 6:]
            hessian = hessian[:6, :6] - cross @ torch.linalg.solve(hessian[6:, 6:], cross.mT)
        flattest = torch.linalg.eigvalsh(scale[:, None] * hessian * scale)[0].item()
        return float(np.sqrt(2 * self.cost / flattest)) if flattest > 0 else np.inf


@dataclass
class Search:
    """The inner loop of a refinement, and a record of every rendering.

    Parameters
    ----------
    callback
        Called after every rendering.
    bar
        The progress bar, one step for each rendering.
    axes
        ``world_from_axes`` (4, 4) of the axes in which a step is damped. None: world axes.
    free_from
        The number of the stage, counted from 1, from which on the detector is estimated too. None: never.
    expectation
        What is known of the pose beforehand. None: nothing.
    renew
        Called with the number of a stage, from 0, and the poses at its end. It returns the stage's levels made anew, if
        the better poses have changed what is known of the X-rays, or None.
    """

    callback: Callback | None
    bar: tqdm
    axes: Tensor | None = None
    free_from: int | None = None
    expectation: Expectation | None = None
    renew: Callable[[int, Tensor], Sequence[Level] | None] | None = None
    number: int = 0
    rows: list[tuple] = field(default_factory=list)
    poses: list[Tensor] = field(default_factory=list)
    current: Attempt | None = None
    started: float = field(default_factory=time.perf_counter)

    def through(
        self,
        stages: Sequence[Callable[[Tensor], Sequence[Level]]],
        start: Tensor,
        floors: Mapping[int, float] | None = None,
    ) -> Attempt:
        """One attempt: stage after stage, all views together, each from where the one before ended.

        Parameters
        ----------
        stages
            For each stage a function of the poses (V, 4, 4) so far. It makes the levels, one for each view.
        start
            (V, 4, 4).
        floors
            By the number of a stage: an attempt that ends this stage with a smaller NCC is given up.
        """
        self.number += 1
        self.current = Attempt(start, torch.zeros(3, dtype=torch.float64))
        reason = ""
        for number, make in enumerate(stages, start=1):
            try:
                views = make(self.current.poses)
                for level, pose in zip(views, self.current.poses, strict=True):
                    level.begin(pose)
                calibrate = self.free_from is not None and number >= self.free_from
                reason = self._descend(views, number, calibrate)
                for _ in range(_RENEWALS):
                    renewed = None if self.renew is None else self.renew(number - 1, self.current.poses)
                    if renewed is None:
                        break
                    views = renewed
                    for level, pose in zip(views, self.current.poses, strict=True):
                        level.begin(pose)
                    reason = self._descend(views, number, calibrate)
            except NothingToCompareError as problem:
                if number == 1:
                    raise
                self.current.cost, reason = np.inf, str(problem)
                break
            self.current.stages[number] = (views, self.current.ncc)
            if number < len(stages) and self.current.ncc < (floors or {}).get(number, -np.inf):
                reason = "given up: another start explains more"
                break
        self.current.reason = reason
        return self.current

    def _descend(self, views: Sequence[Level], number: int, calibrate: bool) -> str:
        """Improve the current attempt by Levenberg-Marquardt on one stage. Returns why it stopped."""
        best = self.current
        reason = self._rounds(views, number, calibrate)
        for _ in range(_REVISIONS):
            # Now that the pose is better known, other pixels may turn out not to be comparable.
            revised = [level.revise(pose) for level, pose in zip(views, best.poses, strict=True)]
            if not any(revised):
                break
            reason = self._rounds(views, number, calibrate)
        return reason

    def _rounds(self, views: Sequence[Level], number: int, calibrate: bool) -> str:
        """Levenberg-Marquardt on pixels that do not change."""
        stage, best = views[0].stage, self.current
        best.cost, best.equations, best.patches = np.inf, None, None
        lowest, slope = np.inf, None
        damping, step = stage.damping, torch.zeros(9 if calibrate else 6, dtype=torch.float64)
        for _ in range(stage.iterations):
            trial, correction = exp_se3(step[:6]) @ best.poses, best.correction.clone()
            correction[: len(step) - 6] += step[6:]
            try:
                found, images, patches = linearise(views, trial, correction if calibrate else None)
            except NothingToCompareError:
                if slope is None:
                    raise
                damping = max(8 * damping, 1e-3)  # a step too far, to where nothing is seen
                step = damped_step(slope, damping, stage.gain, self.axes)
                continue
            cost, total = found.cost.item(), found
            if self.expectation is not None:
                independent = sum(level.independent for level in views)
                total = found + self.expectation.equations(trial[0], independent, len(found.gradient))
            accepted = total.cost.item() < lowest or stage.damping == 0
            if accepted:
                best.poses, best.correction, best.cost, best.equations = trial, correction, cost, found
                best.patches, lowest, slope = patches, total.cost.item(), total
                damping = max(0.2 * damping, 1e-6)
            else:
                damping = max(8 * damping, 1e-3)
            targets = [level.target.where(level.valid, torch.nan) for level in views]
            pose = trial[0] if len(views) == 1 else trial
            self._record(Step(number, pose, cost, accepted, beside(images), beside(targets)), step)
            promised = slope.gain(step / stage.gain)  # of the step of Gauss and Newton, which may be made longer
            if not accepted and promised < _NOISE * lowest:
                return "converged"
            step = damped_step(slope, damping, stage.gain, self.axes)
            if step[:3].norm() < stage.tolerance[0] and step[3:6].norm() < stage.tolerance[1]:
                return "converged"
        return "reached its last iteration"

    def _record(self, step: Step, twist: Tensor) -> None:
        angle, shift = torch.rad2deg(twist[:3].norm()).item(), twist[3:6].norm().item()
        seconds = time.perf_counter() - self.started
        self.rows.append((self.number, step.stage, step.cost, step.accepted, angle, shift, seconds))
        self.poses.append(step.world_from_camera)
        self.bar.update()
        self.bar.set_postfix(stage=step.stage, NCC=f"{1 - step.cost:.4f}", refresh=False)
        if self.callback is not None:
            self.callback(step)


def linearise(
    views: Sequence[Level], poses: Tensor, correction: Tensor | None
) -> tuple[NormalEquations, list[Tensor], list[PatchEquations] | None]:
    """The mean cost of the views with its derivatives, the image of each view, and what each patch says.

    The twist is that of the patient, in world axes. It multiplies every view's pose from the left, so the normal
    equations of the views can be added.
    """
    parts = [level.linearise(pose, correction) for level, pose in zip(views, poses, strict=True)]
    equations = [part[0] for part in parts]
    total = NormalEquations(
        sum(e.cost for e in equations) / len(views),
        sum(e.gradient for e in equations) / len(views),
        sum(e.hessian for e in equations) / len(views),
    )
    if correction is not None:
        total += prior(correction)
    patches = None if views[0].stage.patch is None else [part[2] for part in parts]
    return total, [part[1] for part in parts], patches


def prior(correction: Tensor) -> NormalEquations:
    """The cost of a detector that is not where the header says, in the nine unknowns (six of the pose, three of it)."""
    weight = _PRIOR / torch.tensor(DEVIATIONS, dtype=torch.float64).square()
    pull = torch.nn.functional.pad(weight * correction, (6, 0))
    return NormalEquations(
        (weight * correction.square()).sum() / 2, pull, torch.diag(torch.nn.functional.pad(weight, (6, 0)))
    )


def damped_step(equations: NormalEquations, damping: float, gain: float, axes: Tensor | None = None) -> Tensor:
    """The Levenberg-Marquardt step (6,) or (9,), as a twist in world axes, cut to :data:`_LONGEST_STEP`.

    The damping adds a multiple of the diagonal of the Gauss-Newton matrix. The diagonal depends on the axes of the
    twist, so the step is computed in ``axes`` and then expressed in world axes.
    """
    basis = torch.eye(len(equations.gradient), dtype=torch.float64)
    if axes is not None:
        basis[:6, :6] = adjoint(axes)
    hessian = basis.mT @ equations.hessian @ basis
    hessian = hessian + damping * torch.diag(hessian.diagonal())
    step = basis @ (-gain * torch.linalg.lstsq(hessian, basis.mT @ equations.gradient).solution)
    rotation, translation = _LONGEST_STEP
    return step / max(1.0, (step[:3].norm() / rotation).item(), (step[3:6].norm() / translation).item())
