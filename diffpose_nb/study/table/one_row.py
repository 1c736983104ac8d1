"""What a worker does: it registers one X-ray, and keeps the CT for the next."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
import torchio
from torch import Tensor

from ... import ct, evaluate
from ...camera import LEVER
from ...dicom import read_picture, read_xray
from ...dicom.picture import SUFFIXES
from ...images import XRay
from ...register import Comparison, Refinement, Strategy, load_pose, refine
from ...register.unknown.start import find_start
from ...train import PoseRegressor
from .rows import OF_DICOM, OF_PICTURE, OF_XRAY, SEARCH, Row

TRUTH = ".truth.json"
"""A pose file whose name is that of an X-ray with this ending counts as its truth."""


@dataclass(frozen=True)
class _Patient:
    """A CT that was read, or why it could not be."""

    subject: torchio.Subject | None
    error: str | None
    seconds: float


_kept: dict[tuple, _Patient] = {}
"""The one CT that this process holds. A CT with its prepared copies takes a gigabyte, so there is no second one."""


def register_row(row: Row) -> dict[str, object]:
    """Register one X-ray. Whatever goes wrong with it is in the column ``error``.

    Returns
    -------
    dict
        The columns of :data:`diffpose_nb.study.table.results.FOUND`, as far as they are known, and ``key``.
    """
    began = time.perf_counter()
    result: dict[str, object] = {"key": row.key, "version": version("diffpose-nb"), "seconds_ct": 0.0}
    patient = _kept.get(row.ct)
    if patient is None:
        patient = _read(row)
        result["seconds_ct"] = patient.seconds
        began = time.perf_counter()
    if patient.error is not None:
        return result | {"error": patient.error, "seconds": 0.0}
    try:
        result |= _registered(row, patient.subject)
    except Exception as error:  # a row that fails stops nobody
        result["error"] = _told(error)
    return result | {"seconds": time.perf_counter() - began}


def _read(row: Row) -> _Patient:
    """Read the CT of a row, after the one before was let go: two at once may not fit."""
    began = time.perf_counter()
    _kept.clear()
    _targets.cache_clear()
    gc.collect()
    arguments = {name: value for name, value in row.ct if name not in ("ct", "label_names")}
    try:
        subject = ct.load_ct(row.values["ct"], structures=row.values.get("label_names"), progress=False, **arguments)
        patient = _Patient(subject, None, time.perf_counter() - began)
    except Exception as error:  # kept too, so that a CT that cannot be read is not tried again for each X-ray
        patient = _Patient(None, _told(error), time.perf_counter() - began)
    _kept[row.ct] = patient
    return patient


def _registered(row: Row, subject: torchio.Subject) -> dict[str, object]:
    xray = _xray(row)
    start = _start(row, xray, subject)
    found = refine(
        subject,
        xray,
        start,
        compare=_comparison(row),
        search=Strategy(restarts=row.values.get("restarts", Strategy().restarts)),
        progress=False,
    )
    result = _described(found, subject)
    notes = [*subject["notes"], *xray.notes]
    truth = _truth(row)
    if truth is not None:
        targets, of = _targets(row.ct)
        pose = found.world_from_camera
        result |= {
            "targets": of,
            "start_mtre": evaluate.mtre(start, truth, targets).item(),
            "mtre": evaluate.mtre(pose, truth, targets).item(),
            "mpe": evaluate.mpe(pose, truth, targets, xray.camera).item(),
            "mrpd": evaluate.mrpd(pose, truth, targets).item(),
        }
        if "truth" not in row.values:
            notes.append(f"Truth: the file beside the X-ray whose name ends in {TRUTH}.")
    return result | {"notes": " ".join(notes)}


def _xray(row: Row) -> XRay:
    path = row.values["xray"]
    read, own = (read_picture, OF_PICTURE) if Path(path).suffix.lower() in SUFFIXES else (read_xray, OF_DICOM)
    given = {name: row.values[name] for name in (*OF_XRAY, *own) if name in row.values}
    if row.values.get("start") == SEARCH:  # the angles are then not used, but a header without them would be refused
        given = {"primary": 0.0, "secondary": 0.0} | given
    return read(path, **given)


def _comparison(row: Row) -> Comparison:
    return Comparison(structures=row.values.get("structures"))


def _described(found: Refinement, subject: torchio.Subject) -> dict[str, object]:
    lps_from_camera = subject["lps_from_world"] @ found.world_from_camera
    return {
        "judgement": found.judgement,
        "confidence": found.confidence,
        "ncc": found.ncc,
        "uncertainty": found.uncertainty.tolist(),
        "reasons": " ".join(found.reasons),
        "world_from_camera": found.world_from_camera.flatten().tolist(),
        "lps_from_camera": lps_from_camera.flatten().tolist(),
    }


def _start(row: Row, xray: XRay, subject: torchio.Subject) -> Tensor:
    path = row.values.get("start")
    if path is None:
        return xray.world_from_camera
    if path == SEARCH:
        sod = xray.world_from_camera[:3, 3].norm().item()
        return find_start(subject, xray, sod, compare=_comparison(row), progress=False)
    if Path(path).suffix == ".pt":
        return _network(path).predict(xray)
    return load_pose(path)


def _truth(row: Row) -> Tensor | None:
    if "truth" in row.values:
        return load_pose(row.values["truth"])
    beside = Path(row.values["xray"]).with_suffix(TRUTH)
    return load_pose(beside) if beside.exists() else None


@lru_cache(maxsize=1)
def _network(path: str) -> PoseRegressor:
    return PoseRegressor.load(path)


@lru_cache(maxsize=1)
def _targets(key: tuple) -> tuple[Tensor | pd.DataFrame, str]:
    """The points whose errors are measured, and what they are: landmarks where the CT has labels."""
    subject = _kept[key].subject
    if subject.get("mask") is not None:
        try:
            return ct.landmarks(subject), "landmarks"
        except ct.CTError:  # no vertebra and no rib among the labels
            pass
    axes = LEVER * torch.eye(3, dtype=torch.float64)
    return torch.cat([axes, -axes]), f"six points {LEVER:g} mm from the centre of the CT"


def _told(error: Exception) -> str:
    """An error in one line. Ours speak for themselves; of others the kind matters too."""
    text = " ".join(str(error).split())
    return text if isinstance(error, ValueError | OSError) and text else f"{type(error).__name__}: {text}"
