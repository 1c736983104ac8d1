"""A whole public set, registered X-ray by X-ray, with a table that has the columns of xvr's."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import pandas as pd
import torch
import torchio
from torch import Tensor
from tqdm import tqdm

from ...camera import as_float64
from ...images import XRay, open_field
from ...register import Comparison, Strategy, refine
from ...render import Renderer
from ...runtime import write_text_whole
from ...sets import Patient, PublicSet, SetXRay
from ...similarity import local_ncc
from ..run import interruption
from .protocols import corrected_errors, diffpose_mtre, diffpose_start, near_start, xvr_errors, xvr_start

Start = Literal["near", "nominal", "diffpose", "xvr"]
COLUMNS = (
    *("dataset", "result", "subject", "xray", "pose", "ncc", "runtime", "mPE", "mRPE", "mTRE", "dGeo"),
    *("mTRE_camera", "mRPD", "mTRE_diffpose", "judgement", "seed"),
)
"""Columns of the table. Those up to ``dGeo`` are xvr's, with xvr's meanings. Then come the corrected errors, the number
that DiffPose prints as mTRE, what the judgement said, and the seed of the start. ``ncc`` is the local NCC over the
whole open field, where xvr has its own mean of two. On subtracted X-rays it is low, since most patches hold noise."""
ALONE = {"deepfluoro": None, "ljubljana": True}
"""Whether the volume holds only a part of what the X-ray shows: in the 3D angiogram nothing is left but vessels."""
_PIXELS, _VOXEL = 160, 1.0
"""Pixels along the longer side of the X-ray, and mm of a voxel, for the NCC that is written into the table."""


def run(
    public: PublicSet,
    dataset: str,
    path: Path,
    *,
    start: Start = "near",
    result: str = "diffpose_nb",
    limit: int | None = None,
    seed: int = 0,
    search: Strategy | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Register the X-rays of a set and write two rows for each: the start ("init") and the end ("final").

    The rows of an X-ray are written as soon as it is done. If the run is stopped, the next call with the same path goes
    on from there, also after the process was killed.

    Parameters
    ----------
    public
        The set.
    dataset
        "deepfluoro", "ljubljana", or a name of your own.
    path
        The CSV file. Rows of other results in it stay.
    start
        "near": at a stated distance from the pose to compare with, :func:`~.protocols.near_start`. "nominal": the
        X-ray's nominal pose. "diffpose", "xvr": drawn from the distribution on which the paper trains.
    result
        A name for this way of registering, for the column of that name.
    limit
        Number of X-rays of each patient that are registered. None: all.
    seed
        Another seed makes other starts. Each is a result of its own in the file.
    search
        How the pose is searched for. None: the default of :func:`diffpose_nb.register.refine`.
    progress
        Show a progress bar.

    Returns
    -------
    DataFrame
        All rows of this dataset, result and seed, with :data:`COLUMNS`.
    """
    table = read(path) if path.exists() else pd.DataFrame(columns=list(COLUMNS))
    mine = (table.dataset == dataset) & (table.result == result) & (table.seed == seed)
    done = set(zip(table[mine].subject, table[mine].xray, strict=True))
    todo = [(n, patient, xray) for patient in public.patients for n, xray in enumerate(patient.xrays[:limit])]
    left = [(n, patient, xray) for n, patient, xray in todo if (patient.name, xray.name) not in done]
    loaded: dict[str, torchio.Subject] = {}
    bar = tqdm(left, "X-rays", initial=len(todo) - len(left), total=len(todo), disable=None if progress else True)
    with interruption() as stop:
        for n, patient, xray in bar:
            if patient.name not in loaded:
                loaded = {patient.name: patient.subject()}  # one at a time: a CT is large
            draw = 1000 * seed + 100 * public.patients.index(patient) + n
            rows = register(loaded[patient.name], patient, xray, dataset, start, draw, search)
            fresh = pd.DataFrame(rows).assign(dataset=dataset, result=result, seed=seed)[list(COLUMNS)]
            table = fresh if table.empty else pd.concat([table, fresh], ignore_index=True)
            write_text_whole(path, table.to_csv(index=False, float_format="%.5g"))
            if stop:
                break
    return table[(table.dataset == dataset) & (table.result == result) & (table.seed == seed)]


def read(path: Path) -> pd.DataFrame:
    """The table in a file that :func:`run` has written, or xvr's own, whose columns it has."""
    return pd.read_csv(path, dtype={"subject": str, "xray": str})


def register(
    subject: torchio.Subject,
    patient: Patient,
    xray: SetXRay,
    dataset: str,
    start: Start = "near",
    seed: int = 0,
    search: Strategy | None = None,
) -> list[dict[str, object]]:
    """Register one X-ray of a set. Returns its two rows, without the columns that are the same for a whole run."""
    if xray.standard is None:
        raise ValueError(f"{patient.name}, X-ray {xray.name}: the set has no pose to compare with")
    read_xray, truth = xray.read(), xray.standard.world_from_camera
    landmarks = patient.landmarks()
    starts: Mapping[str, Callable[[], Tensor]] = {
        "near": lambda: near_start(truth, landmarks, seed),
        "nominal": lambda: read_xray.world_from_camera,
        "diffpose": lambda: diffpose_start(subject, read_xray.camera.sid, seed),
        "xvr": lambda: xvr_start(seed),
    }
    first = starts[start]()
    began = time.perf_counter()
    found = refine(
        subject, read_xray, first, compare=Comparison(alone=ALONE.get(dataset)), search=search or Strategy(),
        progress=False,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    likeness = _likeness(subject, read_xray)
    rows = []
    for name, pose, runtime, judgement in (
        ("init", first, 0.0, None),
        ("final", found.world_from_camera, seconds, found.judgement),
    ):
        row = {"subject": patient.name, "xray": xray.name, "pose": name, "ncc": likeness(pose), "runtime": runtime}
        row |= xvr_errors(pose, truth, landmarks, read_xray.camera)
        row |= corrected_errors(pose, truth, landmarks)
        row |= {"mTRE_diffpose": diffpose_mtre(pose, truth, landmarks, read_xray.camera, dataset)}
        rows.append(row | {"judgement": judgement})
    return rows


def _likeness(subject: torchio.Subject, xray: XRay) -> Callable[[Tensor], float]:
    """The local NCC of an X-ray and the DRR of a pose, on a small picture."""
    rows, columns = xray.camera.shape
    scale = min(1.0, _PIXELS / max(rows, columns))
    small = xray.resize(max(1, round(rows * scale)), max(1, round(columns * scale)))
    observed = small.attenuation()
    inside = open_field(observed)
    renderer = Renderer(subject, small.camera, voxel=_VOXEL)

    def likeness(pose: Tensor) -> float:
        drr = renderer(as_float64(pose))[0, 0]
        if not torch.isfinite(drr).all() or drr.max() <= drr.min():
            return float("nan")  # the pose does not see the patient
        return float(local_ncc(drr, observed, 13, 3, inside))

    return likeness
