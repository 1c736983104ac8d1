"""The methods of the table that need no network, on the X-rays of a public set: one row for each X-ray and method."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from ...images import XRay
from ...register import refine
from .evolution import evolve
from .source import Source
from .table import adam, row

NEAR, STRATEGY, ADAM, GAUSS_NEWTON = "pose near by", "evolution strategy", "Adam", "Gauss–Newton"
METHODS = (NEAR, STRATEGY, ADAM, GAUSS_NEWTON)
"""The methods, in the order of the table. All start from the pose near by, which is the first of them."""
HALF = (8.0, 8.0, 8.0, 25.0, 25.0, 25.0)
"""Half of the range that the evolution strategy searches, degrees and mm: how far off a pose near by can be, see
:func:`diffpose_nb.study.public.protocols.near_start`."""


def _strategy(here: Source, xray: XRay, start: Tensor, seed: int) -> Tensor:
    half = torch.tensor(HALF, dtype=torch.float64)
    return evolve(here.subject, xray, start, half, centre=here.middle, seed=seed)


def _gauss_newton(here: Source, xray: XRay, start: Tensor, seed: int) -> Tensor:
    return refine(here.subject, xray, start, progress=False).world_from_camera


HOW: Mapping[str, Callable[[Source, XRay, Tensor, int], Tensor]] = MappingProxyType(
    {
        NEAR: lambda here, xray, start, seed: start,
        STRATEGY: _strategy,
        ADAM: lambda here, xray, start, seed: adam(here.subject, xray, start, seed),
        GAUSS_NEWTON: _gauss_newton,
    }
)
"""Method → function of the source, the X-ray, the start and a seed. It returns the pose (4, 4)."""


def run_method(here: Source, number: int, method: str) -> dict[str, object]:
    """One row of the table, as :func:`diffpose_nb.study.papers.table.run_method` gives it, with the patient's name."""
    xray = here.xray(number)
    start = here.start(number, xray)
    began = time.process_time()
    pose = HOW[method](here, xray, start, number)
    seconds = time.process_time() - began
    return {"patient": here.patient} | row(pose, xray, here.landmarks, number, method, seconds)
