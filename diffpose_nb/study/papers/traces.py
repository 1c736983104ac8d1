"""Descents with Adam whose error is noted on the way: eight parameterisations, several losses, xvr's scales.

All are small, so that many fit into minutes: X-rays of 64 pixels, 40 patches, voxels of 3 mm.
"""

from __future__ import annotations

from pathlib import Path as File

import numpy as np
import pandas as pd
import torchio
from torch import Tensor

from ... import evaluate
from ...data import PAPERS_TRACES
from ...images import XRay
from ...similarity import gradient_ncc
from ..registrations import Trial
from .adam import PARAMETERIZATIONS, Path, descend_on, prepared, sparse_similarity, whole_similarity, xvr_descent
from .similarities import SIMILARITIES

PIXELS, VOXEL, PATCHES, ITERATIONS = 64, 3.0, 40, 100
"""Pixels along the longer side, mm of a voxel and of a step, patches of 13 pixels, and iterations."""
EVERY = 5
"""Every so many iterations the error is kept."""
LOSSES = {
    "patches and all pixels": (0.5, 0.5),
    "patches alone": (1.0, 0.0),
    "all pixels alone": (0.0, 1.0),
    "gradient NCC": None,
}
"""Loss → weights of :func:`~diffpose_nb.study.papers.adam.sparse_similarity`; None: gradient NCC of the whole image."""
PARTS = ("parameterization", "loss", "scales")
"""What is varied: how the pose is written, from the header's pose; the loss, and xvr's scales, from the network's."""


def parameterization(subject: torchio.Subject, xray: XRay, start: Tensor, name: str, seed: int) -> Path:
    """One descent as DiffPose does it, in one of :data:`~diffpose_nb.study.papers.adam.PARAMETERIZATIONS`."""
    similarity = sparse_similarity(prepared(subject, xray, PIXELS, VOXEL), PATCHES, seed=seed * ITERATIONS)
    code, convention = PARAMETERIZATIONS[name]
    return descend_on(similarity, start, ITERATIONS, parameterization=code, convention=convention)


def loss(subject: torchio.Subject, xray: XRay, start: Tensor, name: str, seed: int) -> Path:
    """One descent as DiffPose does it, with one of :data:`LOSSES`."""
    level = prepared(subject, xray, PIXELS, VOXEL)
    weights = LOSSES[name]
    if weights is None:
        alike = whole_similarity(level, lambda image, target, valid: gradient_ncc(image, target, valid=valid))
        return descend_on(alike, start, ITERATIONS)
    return descend_on(sparse_similarity(level, PATCHES, weights=weights, seed=seed * ITERATIONS), start, ITERATIONS)


def names(part: str) -> tuple[str, ...]:
    """What is varied in a part of :data:`PARTS`."""
    if part not in PARTS:
        raise ValueError(f"part is {part!r}: it can be {', '.join(map(repr, PARTS))}")
    return tuple({"parameterization": PARAMETERIZATIONS, "loss": LOSSES, "scales": SIMILARITIES}[part])


def run_trace(
    subject: torchio.Subject, landmarks: pd.DataFrame, trial: Trial, xray: XRay, guess: Tensor, part: str, name: str
) -> list[dict[str, object]]:
    """Rows of the table for one descent; in the part "scales" one for each scale. See :func:`load`."""
    if part == "scales":
        paths = xvr_descent(subject, xray, guess, SIMILARITIES[name])
    else:
        run = parameterization if part == "parameterization" else loss
        start = trial.header if part == "parameterization" else guess
        paths = {0: run(subject, xray, start, name, trial.number)}
    rows = []
    for scale, path in paths.items():
        off = evaluate.mtre(path.poses, trial.truth, landmarks).tolist()
        kept = " ".join(f"{value:.4g}" for value in [*off[:-1:EVERY], off[-1]])
        rows.append(
            {"part": part, "name": name, "xray": trial.number, "scale": scale, "iterations": len(off) - 1, "mtre": kept}
        )
    return rows


def load(path: File = PAPERS_TRACES) -> pd.DataFrame:
    """The descents in a file, by default the one that comes with the package.

    Returns
    -------
    DataFrame
        A row for each iteration that was kept: ``part`` and ``name`` of what was varied, ``xray``, ``scale`` (0 where
        there is one resolution only), ``iteration``, counted through all scales, and ``mtre`` of the pose then, mm.
    """
    rows = pd.read_csv(path, comment="#")
    pieces = []
    begun: dict[tuple, int] = {}
    for row in rows.itertuples():
        values = np.array([float(value) for value in str(row.mtre).split()])
        key = (row.part, row.name, row.xray)
        first = begun.get(key, 0)
        begun[key] = first + row.iterations
        at = np.minimum(np.arange(len(values)) * EVERY, row.iterations)
        piece = pd.DataFrame({"iteration": first + at, "mtre": values})
        pieces.append(piece.assign(part=row.part, name=row.name, xray=row.xray, scale=row.scale))
    table = pd.concat(pieces, ignore_index=True)
    return table[["part", "name", "xray", "scale", "iteration", "mtre"]]


def band(table: pd.DataFrame, part: str, low: float = 0.25, high: float = 0.75) -> dict[str, pd.DataFrame]:
    """Name → the median of the mTRE over all X-rays and its quantiles ``low`` and ``high``, by the iteration."""
    some = table[table.part == part]
    result = {}
    for name in [n for n in names(part) if n in set(some.name)]:
        grouped = some[some.name == name].groupby("iteration").mtre
        result[name] = pd.DataFrame(
            {"median": grouped.median(), "low": grouped.quantile(low), "high": grouped.quantile(high)}
        )
    return result


def ends(table: pd.DataFrame, part: str) -> pd.DataFrame:
    """The mTRE at the end of each descent of a part, mm: a row for each X-ray, a column for each name."""
    some = table[table.part == part].sort_values("iteration", kind="stable")
    last = some.groupby(["xray", "name"], sort=False).mtre.last().unstack("name")
    return last[[name for name in names(part) if name in last]].sort_index()
