"""Whose X-rays a figure shows: the example's, or those of a patient of a public set. Both are asked in the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torchio
from torch import Tensor

from ... import ct, data, sets
from ...camera import Camera
from ...images import XRay
from ...train import PoseRegressor
from ..public.protocols import near_start
from ..registrations import table

SIDE = 320
"""Pixels a side to which a public set's X-rays are binned, as many as the simulated ones have."""


@dataclass(frozen=True)
class Source:
    """A patient, X-rays whose poses are known, and a pose to start from for each.

    Parameters
    ----------
    name
        What to call it under a figure.
    subject, landmarks
        The CT, and landmarks with the columns x, y, z, world mm.
    views
        (camera, pose) of the X-rays, whose pixels need not be read for it.
    starts_from
        Where :meth:`start` comes from, in words.
    """

    name: str
    subject: torchio.Subject
    landmarks: pd.DataFrame
    views: tuple[tuple[Camera, Tensor], ...]
    starts_from: str
    _read: Callable[[int], XRay]
    _start: Callable[[int, XRay], Tensor]

    def xray(self, number: int) -> XRay:
        """An X-ray; its ``true_world_from_camera`` is the pose to compare with."""
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
    trials = table(network.poses)[:number]
    camera = trials[0].xray(subject).camera
    return Source(
        "simulated X-rays of the example CT",
        subject,
        ct.landmarks(subject),
        tuple((camera, trial.truth) for trial in trials),
        "network",
        lambda n: trials[n].xray(subject),
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
    read = [xray.read() for xray in one.xrays]

    def standard(n: int) -> Tensor:
        return one.xrays[n].standard.world_from_camera

    def xray(n: int) -> XRay:
        small = one.xrays[n].read().resize(SIDE, SIDE)
        return replace(small, true_world_from_camera=standard(n))

    twin = any("twin" in note.lower() for note in public.notes)
    return Source(
        f"{'twin of ' if twin else ''}DeepFluoro, {one.name}",
        subject,
        landmarks,
        tuple((image.camera, standard(n)) for n, image in enumerate(read)),
        "pose near by",
        xray,
        lambda n, image: near_start(standard(n), landmarks, n),
    )
