"""2D/3D registration: from a first guess of the C-arm's pose to the pose that explains the X-ray.

Gauss-Newton (Levenberg-Marquardt) on local normalised cross-correlation, coarse to fine. One march through the CT
gives the image and its six derivative images; the CT and the X-ray are smoothed alike, to about the footprint of a
pixel, because derivatives of a raw CT are mostly its noise, and noise in J shortens every step.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torchio
from torch import Tensor
from tqdm.auto import tqdm

from ._levels import BONE, Level, Stage, smoothed
from .collimator import open_field
from .dicom import XRay
from .frames import as_float64, exp_se3, invert, rigid_motion
from .similarity import NormalEquations

STAGES = (
    Stage(64, 3.0, 6.0, 4.0, None, 1, "uniform", 1.5, 20, (1e-3, 0.2)),
    Stage(64, 3.0, 4.0, 4.0, 13, 3, "contrast", 1.5, 20, (1e-3, 0.2)),
    Stage(80, 1.5, 2.5, 2.5, 11, 3, "deviation", 1.0, 12, (3e-4, 0.1)),
    Stage(160, 0.7, 0.7, 1.0, 9, 3, "deviation", 1.0, 20, (1e-4, 0.05)),
)
"""The default schedule, from a wide basin to fine detail."""

_DAMPING = 1e-3
"""Of Levenberg and Marquardt, at the start of a stage."""
_COLUMNS = ("attempt", "stage", "cost", "accepted", "rotation", "translation", "seconds")

LOST = 0.8
"""A registration with less confidence is taken for lost. Without restarts, 99 of 100 simulated X-rays ended within
2 mm, with confidences above 0.94; the one that was lost had 0.37."""
_SPREAD = (8.0, 20.0)
"""Degrees and mm: standard deviation of restarts about each axis."""
_LONGEST_STEP = (0.15, 25.0)
"""Radians and mm: beyond, the linearisation means nothing."""


@dataclass(frozen=True)
class Step:
    """What a callback of :func:`refine` gets: one rendering.

    ``image`` and ``target`` (rows, columns) are the DRR and the X-ray as the stage compares them; ``target`` is NaN
    behind the collimator.
    """

    stage: int
    world_from_camera: Tensor
    cost: float
    accepted: bool
    image: Tensor
    target: Tensor


@dataclass(frozen=True)
class Refinement:
    """The outcome of :func:`refine`.

    Parameters
    ----------
    world_from_camera
        (4, 4) float64, the registered pose.
    trace
        One row a rendering: ``attempt``; ``stage``; ``cost``, 1 - NCC as the stage compares (not to be compared
        between stages); ``accepted``; ``rotation`` (degrees) and ``translation`` (mm) of the step tried; ``seconds``
        since the start.
    poses
        (rows of the trace, 4, 4): the pose of each rendering.
    confidence
        Local NCC at the end, 0 to 1: how much of the X-ray's structure the CT explains at this pose.
    reason
        Why it stopped, in words.
    """

    world_from_camera: Tensor
    trace: pd.DataFrame
    poses: Tensor
    confidence: float
    reason: str

    def save(self, path: str | Path, subject: torchio.Subject) -> None:
        """Write the pose as JSON, in the world's and in the scanner's frame; :func:`load_pose` reads it.

        ``lps_from_camera`` is in the patient coordinates of the CT's own files (DICOM LPS, mm). The file appears whole
        or not at all.
        """
        content = {
            "about": "Pose of a C-arm's camera (origin at the source, x right and y down as seen from it, z to the "
            "detector; mm). world: RAS axes, origin at the centre of the CT. lps: patient coordinates of the CT.",
            "world_from_camera": self.world_from_camera.tolist(),
            "lps_from_camera": (subject["lps_from_world"] @ self.world_from_camera).tolist(),
            "confidence": self.confidence,
            "reason": self.reason,
        }
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".part")
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)


def refine(
    subject: torchio.Subject,
    xray: XRay,
    world_from_camera: Tensor | None = None,
    *,
    stages: Sequence[Stage] = STAGES,
    bone: float = BONE,
    restarts: int = 4,
    seed: int = 0,
    progress: bool = True,
    callback: Callable[[Step], None] | None = None,
) -> Refinement:
    """Register an X-ray to a CT, starting from the pose in its header.

    Parameters
    ----------
    subject
        The CT, from :mod:`diffpose_nb.ct`.
    xray
        The X-ray; its camera is taken as it is.
    world_from_camera
        (4, 4) where to start; default the nominal pose of the X-ray.
    stages
        The schedule.
    bone
        Factor on the attenuation above that of water (plus 10 %), see :data:`BONE`; 1 leaves the CT as it is.
    restarts
        At most so many further attempts, from starts nearby, while the confidence is under :data:`LOST`.
    seed
        Of those starts.
    progress
        Show a progress bar.
    callback
        Called after every rendering, to draw or to record.

    Returns
    -------
    Refinement
        Of the attempt with the highest confidence. An interrupt (Ctrl-C, the stop button) ends the search and returns
        the best pose so far.

    Raises
    ------
    ValueError
        If the X-ray has NaN or infinite pixels, shows no contrast, or the start is not a rigid transform.
    """
    start = as_float64(xray.world_from_camera if world_from_camera is None else world_from_camera)
    _require_usable(xray, start)
    if not stages:
        raise ValueError("stages is empty: a refinement has at least one")
    attenuation = xray.attenuation()
    valid = open_field(attenuation)
    depth = invert(start)[2, 3].item()  # of the world's origin, the centre of the CT, in front of the source

    def level(stage: Stage) -> Level:
        return Level(stage, smoothed(subject, stage, bone), xray.camera, attenuation, valid, depth)

    silent = {} if progress else {"disable": True}  # disable=False would overrule TQDM_DISABLE
    run = _Run(callback, tqdm(total=sum(stage.iterations for stage in stages), leave=False, **silent))
    attempts = []
    try:
        for nearby in [start, *_starts_near(start, restarts, seed)]:
            attempts.append(run.through(map(level, stages), nearby))
            if attempts[-1][1] >= LOST:
                break
            run.bar.reset()
    except KeyboardInterrupt:
        attempts.append(run.outcome("interrupted"))
    finally:
        run.bar.close()
    pose, confidence, reason = max(attempts, key=lambda attempt: attempt[1])
    poses = torch.stack(run.poses) if run.poses else start.new_empty(0, 4, 4)
    return Refinement(pose, pd.DataFrame(run.rows, columns=list(_COLUMNS)), poses, confidence, reason)


def load_pose(path: str | Path) -> Tensor:
    """``world_from_camera`` (4, 4) of a file that :meth:`Refinement.save` wrote.

    Raises
    ------
    ValueError
        If the file holds no such pose.
    """
    try:
        pose = as_float64(json.loads(Path(path).read_text(encoding="utf-8"))["world_from_camera"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: no pose in it; Refinement.save(path, subject) writes such a file") from error
    return pose


@dataclass
class _Run:
    """The bookkeeping of one refinement, and its inner loop."""

    callback: Callable[[Step], None] | None
    bar: tqdm
    attempt: int = 0
    rows: list[tuple] = field(default_factory=list)
    poses: list[Tensor] = field(default_factory=list)
    best: Tensor | None = None
    best_cost: float = np.inf
    started: float = field(default_factory=time.perf_counter)

    def outcome(self, reason: str) -> tuple[Tensor, float, str]:
        """The attempt's pose, confidence and reason as they stand."""
        return self.best, max(0.0, 1 - self.best_cost), reason

    def through(self, levels: Iterable[Level], start: Tensor) -> tuple[Tensor, float, str]:
        """One attempt: level after level, each from where the one before ended."""
        self.attempt += 1
        self.best, reason = start, ""
        for number, level in enumerate(levels, start=1):
            reason = self._descend(level, number)
        return self.outcome(reason)

    def _descend(self, level: Level, number: int) -> str:
        """Levenberg-Marquardt on one level, from the best pose to a better one; why it stopped."""
        stage = level.stage
        self.best_cost = np.inf
        damping, equations, twist = _DAMPING, None, torch.zeros(6, dtype=torch.float64)
        for _ in range(stage.iterations):
            trial = exp_se3(twist) @ self.best
            found, image = level.linearise(trial)
            cost = found.cost.item()
            accepted = cost < self.best_cost
            if accepted:
                self.best, self.best_cost, equations = trial, cost, found
                damping = max(0.2 * damping, 1e-6)
            else:
                damping = max(8 * damping, 1e-3)
            self._record(Step(number, trial, cost, accepted, image, level.target.where(level.valid, torch.nan)), twist)
            small = twist[:3].norm() < stage.tolerance[0] and twist[3:].norm() < stage.tolerance[1]
            if twist.any() and small:
                return "converged"
            twist = _damped_step(equations, damping, stage.gain)
        return "reached its last iteration"

    def _record(self, step: Step, twist: Tensor) -> None:
        angle, shift = torch.rad2deg(twist[:3].norm()).item(), twist[3:].norm().item()
        seconds = time.perf_counter() - self.started
        self.rows.append((self.attempt, step.stage, step.cost, step.accepted, angle, shift, seconds))
        self.poses.append(step.world_from_camera)
        self.bar.update()
        self.bar.set_postfix(stage=step.stage, NCC=f"{1 - step.cost:.4f}", refresh=False)
        if self.callback is not None:
            self.callback(step)


def _starts_near(pose: Tensor, number: int, seed: int) -> Tensor:
    """(number, 4, 4) poses around one, turned and shifted about the centre of the CT."""
    rng = np.random.default_rng(seed)
    rotation, translation = rng.normal(0, _SPREAD[0], (number, 3)), rng.normal(0, _SPREAD[1], (number, 3))
    return rigid_motion(torch.from_numpy(rotation), torch.from_numpy(translation)) @ pose


def _damped_step(equations: NormalEquations, damping: float, gain: float) -> Tensor:
    hessian = equations.hessian + damping * torch.diag(equations.hessian.diagonal())
    twist = -gain * torch.linalg.lstsq(hessian, equations.gradient).solution
    rotation, translation = _LONGEST_STEP
    return twist / max(1.0, (twist[:3].norm() / rotation).item(), (twist[3:].norm() / translation).item())


def _require_usable(xray: XRay, pose: Tensor) -> None:
    if not torch.isfinite(xray.pixels).all():
        raise ValueError("the X-ray has NaN or infinite pixels: replace them, or crop them away with xray.crop(…)")
    if xray.pixels.min() == xray.pixels.max():
        raise ValueError(f"every pixel of the X-ray is {xray.pixels[0, 0].item():g}: there is nothing to register")
    rotation = pose[:3, :3] if pose.shape == (4, 4) else torch.zeros(3, 3, dtype=pose.dtype)
    if not torch.allclose(rotation @ rotation.mT, torch.eye(3, dtype=pose.dtype), atol=1e-6) or rotation.det() < 0:
        raise ValueError(
            f"world_from_camera, of shape {tuple(pose.shape)}, is not one rigid transform (4, 4) of determinant +1; "
            "see diffpose_nb.frames for how to make one"
        )
