"""A folder of simulated X-rays with their table, to try a study on before it is made of one's own files."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from ... import ct
from ...camera import Camera, rigid_motion
from ...dicom import write_xray
from ...runtime import progress_bar, write_text_whole
from ...simulate import simulate_xray
from ..example import CAMERA, SOD, patient_motion
from .one_row import TRUTH

VIEWS = {"frontal": (0.0, 0.0), "oblique": (40.0, 10.0)}
"""Group → primary and secondary angle, degrees."""


def write_simulated(
    folder: str | Path,
    number: int = 20,
    cts: Sequence[str | Path] = (ct.EXAMPLE_CT,),
    labels: Sequence[str | Path] = (ct.EXAMPLE_CT.with_name("mask.nii.gz"),),
    *,
    camera: Camera = CAMERA,
    seed: int = 0,
    progress: bool = True,
    **effects: object,
) -> Path:
    """Write X-rays that are simulated from CTs, their true poses, copies of the CTs, and a table of all of them.

    The headers are wrong by a motion of the patient, see :func:`diffpose_nb.study.patient_motion`. The truth is not in
    the X-ray, but in a file beside it, with the ending ``.truth.json``.

    Parameters
    ----------
    folder
        Where to. It is made if it does not exist.
    number
        Number of X-rays. They are spread evenly over the CTs, and alternate between :data:`VIEWS`.
    cts, labels
        Files of CTs, one a patient, and of their label maps; ``labels=()`` for none.
    camera
        The detector.
    seed
        Seed of the motions and of the noise.
    progress
        Show a progress bar.
    effects
        Further arguments of :func:`diffpose_nb.simulate.simulate_xray`.

    Returns
    -------
    Path
        The table, ``table.csv`` in the folder.
    """
    folder = Path(folder)
    (folder / "xrays").mkdir(parents=True, exist_ok=True)
    rows = []
    bar = progress_bar(total=number, desc="X-rays", show=progress)
    for patient, path in enumerate(cts):
        copies = {"ct": _copied(folder, path, patient)}
        if labels:
            copies["labels"] = _copied(folder, labels[patient], patient)
        subject = ct.load_ct(folder / copies["ct"], progress=False)
        for n in range(patient, number, len(cts)):
            group = list(VIEWS)[n // len(cts) % len(VIEWS)]
            motion = rigid_motion(**patient_motion(seed + n))
            xray = simulate_xray(subject, camera, *VIEWS[group], SOD, motion=motion, seed=seed + n, **effects)
            name = f"xrays/{n:04d}.dcm"
            write_xray(folder / name, xray)
            truth = {"world_from_camera": xray.true_world_from_camera.tolist()}
            write_text_whole((folder / name).with_suffix(TRUTH), json.dumps(truth))
            rows.append({"patient": f"patient {patient + 1}", "group": group, "xray": name} | copies)
            bar.update()
    bar.close()
    rows.sort(key=lambda row: row["xray"])
    table = folder / "table.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return table


def _copied(folder: Path, path: str | Path, patient: int) -> str:
    """The name, within the folder, of a copy of a patient's file."""
    path = Path(path)
    name = f"patient_{patient + 1}/{path.name}"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, folder / name)
    return name
