"""Registrations of the example CT by the hundred: which X-rays, from which starts, and what came of them.

Every X-ray is simulated, so that its true pose is known, and every number comes from a seed, so that any of them can be
taken again. ``python -m diffpose_nb.commands.registrations`` runs them all and writes the file that :func:`load` reads.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import torch
import torchio
from torch import Tensor

from .. import evaluate
from ..camera import as_float64, carm_pose, invert, moved, rigid_motion
from ..data import EXAMPLE_REGISTRATIONS
from ..images import XRay
from ..register import Strategy, refine
from ..simulate import simulate_xray
from ..train import PoseRange
from .example import CAMERA, SOD, patient_motion

METHODS = ("nominal pose", "nominal, refined", "network", "network, refined")
"""The methods of the table."""
FROM_A_START = "refined from a start"
FARTHEST = (45.0, 45.0, 45.0, 150.0, 150.0, 150.0)
"""How far off the farthest starts are: degrees and mm of :data:`diffpose_nb.similarity.landscapes.NAMES`."""
BEYOND = 2.0
"""How far out the views go: this many times the range that the network was trained on."""
STARTS = 3
"""Starts at a distance, for each X-ray of the table."""
_SEED = 1100


class Predicts(Protocol):
    """What is asked of a network: :class:`diffpose_nb.train.PoseRegressor`."""

    poses: PoseRange

    def predict(self, xray: XRay) -> Tensor:
        """``world_from_camera`` (4, 4)."""


@dataclass(frozen=True)
class Trial:
    """An X-ray to register.

    Parameters
    ----------
    part
        "table": from the range that the network was trained on, with a header. "views": from inside and outside that
        range, for the network alone.
    number
        Of the X-ray in its part; also the seed of its noise.
    truth, header
        (4, 4) the pose that it is taken from, and the one in its header. The header knows the view; the patient has
        moved since, by up to 6° and 20 mm on each axis (:func:`diffpose_nb.study.patient_motion`).
    out
        How far out the view lies: 1 is the edge of the range that the network was trained on.
    starts
        (S, 4, 4) other poses to start from.
    off
        (S,) how far off these are: 1 is :data:`FARTHEST`.
    """

    part: str
    number: int
    truth: Tensor
    header: Tensor
    out: float
    starts: Tensor
    off: Tensor

    def xray(self, subject: torchio.Subject, **effects: object) -> XRay:
        """The X-ray, with all physics; ``effects`` are further arguments of ``simulate_xray``."""
        motion = self.truth @ invert(carm_pose(0, 0, SOD))
        seed = _SEED + self.number
        taken = simulate_xray(subject, CAMERA, 0, 0, SOD, motion=motion, seed=seed, **effects)
        return replace(taken, world_from_camera=self.header)


def table(poses: PoseRange, number: int = 100) -> list[Trial]:
    """X-rays from poses that are uniform in the range, each with a header and :data:`STARTS` other starts.

    How far off the starts are rises evenly from nothing to :data:`FARTHEST`, in an order that is drawn.
    """
    rng = np.random.default_rng(_SEED)
    off = (rng.permutation(number * STARTS).reshape(number, STARTS) + 0.5) / (number * STARTS)
    farthest = torch.tensor(FARTHEST, dtype=torch.float64)
    trials = []
    for n, truth in enumerate(poses.sample(number, _SEED)):
        header = invert(rigid_motion(**patient_motion(_SEED + n))) @ truth
        distance = torch.from_numpy(off[n])
        starts = moved(truth, distance[:, None] * farthest * _on_a_cube(rng, STARTS))
        trials.append(Trial("table", n, truth, header, _out(poses, truth), starts, distance))
    return trials


def views(poses: PoseRange, number: int = 100) -> list[Trial]:
    """X-rays whose views go evenly from the middle of the range out to :data:`BEYOND` times its edge."""
    rng = np.random.default_rng(_SEED + 1)
    out = BEYOND * (torch.arange(number, dtype=torch.float64) + 0.5) / number
    truths = poses.pose(out[:, None] * poses.half * _on_a_cube(rng, number))
    nobody = torch.empty(0, 4, 4, dtype=torch.float64), torch.empty(0, dtype=torch.float64)
    return [Trial("views", n, truth, poses.nominal, _out(poses, truth), *nobody) for n, truth in enumerate(truths)]


def register(
    subject: torchio.Subject, landmarks: pd.DataFrame, trial: Trial, xray: XRay, network: Predicts
) -> list[dict[str, object]]:
    """Register the X-ray of a trial in every way: rows of the table, see :func:`load`.

    Refinement is :func:`diffpose_nb.register.refine` as it comes, with its restarts; from the other starts it is
    without, since a restart is another start.
    """
    rows: list[dict[str, object]] = []

    def add(part: str, method: str, off: float, start: Tensor, pose: Tensor, seconds: float, confidence: float) -> None:
        row = {"part": part, "xray": trial.number, "method": method, "off": off}
        row["start"] = evaluate.mtre(start, trial.truth, landmarks).item()
        row |= errors(pose, xray, landmarks) | {"confidence": confidence, "seconds": seconds}
        rows.append(row)

    def refined(part: str, method: str, off: float, start: Tensor, before: float = 0.0, restarts: int = 4) -> None:
        began = time.perf_counter()
        found = refine(subject, xray, start, search=Strategy(restarts=restarts), progress=False)
        seconds = before + time.perf_counter() - began
        add(part, method, off, start, found.world_from_camera, seconds, found.confidence)

    nominal_method, nominal_refined, network_method, network_refined = METHODS
    if trial.part == "table":
        add("table", nominal_method, trial.out, trial.header, trial.header, 0.0, float("nan"))
        refined("table", nominal_refined, trial.out, trial.header)
    began = time.perf_counter()
    guess = network.predict(xray)
    seconds = time.perf_counter() - began
    add(trial.part, network_method, trial.out, guess, guess, seconds, float("nan"))
    refined(trial.part, network_refined, trial.out, guess, before=seconds)
    for off, start in zip(trial.off.tolist(), trial.starts, strict=True):
        refined("starts", FROM_A_START, off, start, restarts=0)
    return rows


def errors(pose: Tensor, xray: XRay, landmarks: pd.DataFrame) -> dict[str, float]:
    """How far a pose (4, 4) is from the truth of a simulated X-ray: mm, and the angle in degrees."""
    truth, camera = xray.true_world_from_camera, xray.camera
    return {
        "mtre": evaluate.mtre(pose, truth, landmarks).item(),
        "mpe": evaluate.mpe(pose, truth, landmarks, camera).item(),
        "mrpd": evaluate.mrpd(pose, truth, landmarks).item(),
        "diffpose": evaluate.diffpose_error(pose, truth, landmarks, camera).item(),
        "angle": evaluate.geodesic(pose, truth, camera.sid).angle.item(),
    }


def load(path: Path = EXAMPLE_REGISTRATIONS) -> pd.DataFrame:
    """The registrations in a file, default the one that ships.

    Returns
    -------
    DataFrame
        A row for each registration: ``part``, "table", "starts" or "views"; ``xray``, its number; ``method``;
        ``off``, in "starts" how far off the start was (1: :data:`FARTHEST`), else how far out the view lies (1: the
        edge of the range that the network was trained on); ``start``, mm of mTRE before; ``mtre``, ``mpe``, ``mrpd``,
        ``diffpose`` (mm), ``angle`` (degrees) after; ``confidence``, of refinements; ``seconds``.
    """
    return pd.read_csv(path, comment="#")


def _on_a_cube(rng: np.random.Generator, number: int) -> Tensor:
    """(number, 6) from -1 to 1, one of each at an end: directions, with what is farthest off at 1."""
    uniform = as_float64(rng.uniform(-1, 1, (number, 6)))
    return uniform / uniform.abs().amax(1, keepdim=True)


def _out(poses: PoseRange, truth: Tensor) -> float:
    return (poses.parameters(truth) / poses.half).abs().max().item()
