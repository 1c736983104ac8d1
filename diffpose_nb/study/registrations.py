"""Hundreds of registrations of the example CT: the X-rays, the poses from which they start, and the results.

Every X-ray is simulated, so its true pose is known. Every random number comes from a seed, so every X-ray can be made
again. ``python -m diffpose_nb.commands.registrations`` runs them all and writes the file that :func:`load` reads.
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
from ..register import Refinement, Strategy, refine
from ..simulate import simulate_xray
from ..train import PoseRange
from .example import CAMERA, SOD, patient_motion

METHODS = ("nominal pose", "nominal, refined", "network", "network, refined")
"""The methods that are compared in the table."""
FROM_A_START = "refined from a start"
FARTHEST = (45.0, 45.0, 45.0, 150.0, 150.0, 150.0)
"""How far the farthest starts are from the truth, in degrees and mm, for each of
:data:`diffpose_nb.similarity.landscapes.NAMES`."""
BEYOND = 2.0
"""The views go out to this many times the edge of the range that the network was trained on."""
STARTS = 3
"""Number of further starts, at known distances from the truth, for each X-ray of the table."""
_SEED = 1100


class Predicts(Protocol):
    """What a network has to offer, as :class:`diffpose_nb.train.PoseRegressor` does."""

    poses: PoseRange

    def predict(self, xray: XRay) -> Tensor:
        """The pose ``world_from_camera`` (4, 4) of an X-ray."""


@dataclass(frozen=True)
class Trial:
    """An X-ray to register.

    Parameters
    ----------
    part
        "table": the X-ray is taken from the range that the network was trained on, and has a header to start from.
        "views": it is taken from inside or outside that range, and only the network is tried on it.
    number
        Number of the X-ray in its part. The seed of its noise is made from it.
    truth, header
        (4, 4) the pose from which the X-ray is taken, and the pose in its header. In the table, the header is wrong
        because the patient has moved, by up to 6° and 20 mm on each axis (:func:`diffpose_nb.study.patient_motion`).
        In the views, no method uses the header.
    out
        How far out the view lies: 1 is the edge of the range that the network was trained on.
    starts
        (S, 4, 4) further poses to start from.
    off
        (S,) how far these starts are from the truth: 1 is :data:`FARTHEST`.
    """

    part: str
    number: int
    truth: Tensor
    header: Tensor
    out: float
    starts: Tensor
    off: Tensor

    def xray(self, subject: torchio.Subject, **effects: object) -> XRay:
        """The simulated X-ray, with all physics; ``effects`` are further arguments of ``simulate_xray``."""
        motion = self.truth @ invert(carm_pose(0, 0, SOD))
        seed = _SEED + self.number
        taken = simulate_xray(subject, CAMERA, 0, 0, SOD, motion=motion, seed=seed, **effects)
        return replace(taken, world_from_camera=self.header)


def table(poses: PoseRange, number: int = 100) -> list[Trial]:
    """Trials with X-rays from poses that are uniform in the range, each with a header and :data:`STARTS` other starts.

    The distances of all starts from the truth are spread evenly from 0 to :data:`FARTHEST`. They are assigned to the
    X-rays in random order.
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
    """Trials with views that are spread evenly from the middle of the range out to :data:`BEYOND` times its edge."""
    rng = np.random.default_rng(_SEED + 1)
    out = BEYOND * (torch.arange(number, dtype=torch.float64) + 0.5) / number
    truths = poses.pose(out[:, None] * poses.half * _on_a_cube(rng, number))
    no_starts = torch.empty(0, 4, 4, dtype=torch.float64), torch.empty(0, dtype=torch.float64)
    return [Trial("views", n, truth, poses.nominal, _out(poses, truth), *no_starts) for n, truth in enumerate(truths)]


def register(
    subject: torchio.Subject, landmarks: pd.DataFrame, trial: Trial, xray: XRay, network: Predicts
) -> list[dict[str, object]]:
    """Register the X-ray of a trial with every method. Returns rows of the table that :func:`load` describes.

    Refinement is :func:`diffpose_nb.register.refine` with its default values. Only from the other starts it has no
    restarts, because a restart would be a start at another distance.
    """
    rows: list[dict[str, object]] = []

    def add(
        part: str, method: str, off: float, start: Tensor, pose: Tensor, seconds: float, found: Refinement | None = None
    ) -> None:
        row = {"part": part, "xray": trial.number, "method": method, "off": off}
        row["start"] = evaluate.mtre(start, trial.truth, landmarks).item()
        row |= errors(pose, xray, landmarks)
        row |= {"ncc": float("nan") if found is None else found.ncc}
        row |= {"judgement": None if found is None else found.judgement, "seconds": seconds}
        rows.append(row)

    def refined(part: str, method: str, off: float, start: Tensor, before: float = 0.0, restarts: int = 4) -> None:
        began = time.perf_counter()
        found = refine(subject, xray, start, search=Strategy(restarts=restarts), progress=False)
        seconds = before + time.perf_counter() - began
        add(part, method, off, start, found.world_from_camera, seconds, found)

    nominal_method, nominal_refined, network_method, network_refined = METHODS
    if trial.part == "table":
        add("table", nominal_method, trial.out, trial.header, trial.header, 0.0)
        refined("table", nominal_refined, trial.out, trial.header)
    began = time.perf_counter()
    guess = network.predict(xray)
    seconds = time.perf_counter() - began
    add(trial.part, network_method, trial.out, guess, guess, seconds)
    refined(trial.part, network_refined, trial.out, guess, before=seconds)
    for off, start in zip(trial.off.tolist(), trial.starts, strict=True):
        refined("starts", FROM_A_START, off, start, restarts=0)
    return rows


def errors(pose: Tensor, xray: XRay, landmarks: pd.DataFrame) -> dict[str, float]:
    """The errors of a pose (4, 4) for a simulated X-ray, by name: lengths in mm, and the angle in degrees."""
    truth, camera = xray.true_world_from_camera, xray.camera
    return {
        "mtre": evaluate.mtre(pose, truth, landmarks).item(),
        "mpe": evaluate.mpe(pose, truth, landmarks, camera).item(),
        "mrpd": evaluate.mrpd(pose, truth, landmarks).item(),
        "diffpose": evaluate.diffpose_error(pose, truth, landmarks, camera).item(),
        "angle": evaluate.geodesic(pose, truth, camera.sid).angle.item(),
    }


def load(path: Path = EXAMPLE_REGISTRATIONS) -> pd.DataFrame:
    """The registrations in a file. Default the file that comes with the package.

    Returns
    -------
    DataFrame
        A row for each registration. ``part`` is "table", "starts" or "views"; ``xray`` is the number of the X-ray.
        ``off`` is, in "starts", how far the start was from the truth (1: :data:`FARTHEST`); in the other parts it is
        how far out the view lies (1: the edge of the range that the network was trained on). ``start`` is the mTRE
        before the registration, in mm. ``mtre``, ``mpe``, ``mrpd``, ``diffpose`` (mm) and ``angle`` (degrees) are the
        errors after it. The other columns are ``method``, ``seconds``, and ``ncc`` (local NCC at the end) and
        ``judgement``, which only refinements have.
    """
    return pd.read_csv(path, comment="#")


def _on_a_cube(rng: np.random.Generator, number: int) -> Tensor:
    """(number, 6) random numbers from -1 to 1, scaled so that the largest absolute value of each row is 1."""
    uniform = as_float64(rng.uniform(-1, 1, (number, 6)))
    return uniform / uniform.abs().amax(1, keepdim=True)


def _out(poses: PoseRange, truth: Tensor) -> float:
    return (poses.parameters(truth) / poses.half).abs().max().item()
