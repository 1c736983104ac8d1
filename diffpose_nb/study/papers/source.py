"""Whose X-rays a figure shows: the example's, or those of a patient of a public set. Both are asked in the same way.

:func:`stored` says which stored runs belong to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pandas as pd
import torch
import torchio
from torch import Tensor

from ... import ct, data, sets
from ...camera import Camera, as_float64
from ...images import XRay
from ...train import PoseRegressor
from ..public.protocols import near_start
from ..registrations import table as trials_of
from . import table

DEEPFLUORO = Path("notebooks/_work/papers_deepfluoro.csv")
"""Where ``python -m diffpose_nb.commands.papers.deepfluoro`` writes, in the folder of the project."""
SIDE = 320
"""Pixels a side to which a public set's X-rays are binned, as many as the simulated ones have."""


@dataclass(frozen=True)
class Source:
    """A patient, X-rays whose poses are known, and a pose to start from for each.

    Parameters
    ----------
    name, patient
        What to call it under a figure, and the patient's name within a set, empty for the example.
    subject, landmarks
        The CT, and landmarks with the columns x, y, z, world mm.
    views
        (camera, pose) of the X-rays, whose pixels need not be read for it.
    starts_from
        Where :meth:`start` comes from, in words.
    """

    name: str
    patient: str
    subject: torchio.Subject
    landmarks: pd.DataFrame
    views: tuple[tuple[Camera, Tensor], ...]
    starts_from: str
    _read: Callable[[int], XRay]
    _start: Callable[[int, XRay], Tensor]

    @property
    def middle(self) -> Tensor:
        """(3,) the middle of the landmarks, world mm."""
        return as_float64(self.landmarks[["x", "y", "z"]].to_numpy(copy=True)).mean(0)

    def xray(self, number: int) -> XRay:
        """An X-ray, which is kept; its ``true_world_from_camera`` is the pose to compare with."""
        if not 0 <= number < len(self.views):
            raise ValueError(f"number is {number}: {self.name} has X-rays 0 to {len(self.views) - 1}")
        return self._read(number)

    def start(self, number: int, xray: XRay) -> Tensor:
        """The pose (4, 4) from which a refinement of this X-ray starts."""
        return self._start(number, xray)


def example(number: int = 20) -> Source:
    """The example CT, the first simulated X-rays of the stored tables, and the network's poses."""
    subject = ct.example()
    network = PoseRegressor.load(data.EXAMPLE_REGRESSOR)
    trials = trials_of(network.poses)[:number]
    camera = trials[0].xray(subject).camera
    return Source(
        "simulated X-rays of the example CT",
        "",
        subject,
        ct.landmarks(subject),
        tuple((camera, trial.truth) for trial in trials),
        "network",
        cache(lambda n: trials[n].xray(subject)),
        lambda n, xray: network.predict(xray),
    )


def deepfluoro(path: Path, patient: int = 0) -> Source:
    """A patient of DeepFluoro, or of its twin. No network ships for it, so it starts near by, see :func:`near_start`.

    Parameters
    ----------
    path
        The file.
    patient
        Number of the specimen, from 0.
    """
    public = sets.deepfluoro(path)
    one = public.patients[patient]
    landmarks, subject = one.landmarks(), one.subject()
    cameras = [xray.read().camera for xray in one.xrays]

    def standard(n: int) -> Tensor:
        return one.xrays[n].standard.world_from_camera

    def xray(n: int) -> XRay:
        small = one.xrays[n].read().resize(SIDE, SIDE)
        return replace(small, true_world_from_camera=standard(n))

    twin = any("twin" in note.lower() for note in public.notes)
    return Source(
        f"{'twin of ' if twin else ''}DeepFluoro, {one.name}",
        one.name,
        subject,
        landmarks,
        tuple((camera, standard(n)) for n, camera in enumerate(cameras)),
        "pose near by",
        cache(xray),
        lambda n, image: near_start(standard(n), landmarks, n),
    )


@dataclass(frozen=True)
class Stored:
    """Stored runs of several methods on the same X-rays.

    Parameters
    ----------
    source
        The patient of :attr:`own`, from whom its X-rays can be had by their numbers.
    rows
        All runs, see :func:`diffpose_nb.study.papers.table.load`.
    own
        Those of this one patient.
    says
        Whose they are and how many, in words.
    """

    source: Source
    rows: pd.DataFrame
    own: pd.DataFrame
    says: str

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, in the order of the table. The first one is no method, but the pose from which others start."""
        return tuple(self.rows.method.unique())

    def errors(self, error: str = "mtre") -> dict[str, pd.Series]:
        """Method → the errors of all its runs, of the column ``error``."""
        return {method: self.rows[self.rows.method == method][error] for method in self.methods}

    def poses(self, method: str) -> tuple[Tensor, Tensor]:
        """(N, 4, 4) the poses that a method found for this patient's X-rays, and the true ones."""
        some = table.of(self.own, method)
        return table.poses(some), torch.stack([self.source.views[number][1] for number in some.index])


def stored(here: Source, path: Path = DEEPFLUORO) -> Stored:
    """The stored runs to show beside ``here``.

    For a patient of DeepFluoro these are the runs in ``path``, if there are any of this patient. In every other case
    they are those of the example, which come with the package.
    """
    if here.patient and path.exists():
        rows = table.complete(table.load(path))
        own = rows[rows.patient == here.patient]
        if len(own):
            number, of_patient = len(rows[["patient", "xray"]].drop_duplicates()), own.xray.nunique()
            return Stored(here, rows, own, f"{number} X-rays of the set, {of_patient} of them of {here.name}")
    rows = table.complete(table.load())
    number = rows.xray.nunique()
    example_ = here if not here.patient else example(number)
    return Stored(example_, rows, rows, f"{number} simulated X-rays of the example CT")
