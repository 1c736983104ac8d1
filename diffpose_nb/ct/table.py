"""What a CT says of itself, as a table; nothing of the patient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import CTError
from .load import read_scan
from .plausible import NO_AIR, require_plausible_grid
from .reading.scan import Scan

if TYPE_CHECKING:
    import pandas as pd

_LETTERS = "LRPAHF"
"""The ends of DICOM's patient axes: left and right, posterior and anterior, head and feet."""


def describe(path: str | Path, *, progress: bool = True) -> pd.DataFrame:
    """A table of where a CT lies, what its numbers are, and what had to be assumed. It says nothing about the patient.

    Parameters
    ----------
    path
        As for :func:`diffpose_nb.ct.load_ct`. Numbers that are no Hounsfield units are shown as well.

    Returns
    -------
    pandas.DataFrame
        One row for each property, with the columns property, value, unit. The last rows are notes.

    Raises
    ------
    CTError
        If the file or folder cannot be read as one volume.
    """
    import pandas as pd

    scan = read_scan(path, progress=progress)
    notes = list(scan.notes)
    try:
        require_plausible_grid(scan, Path(path))
    except CTError as error:
        notes.append(str(error))
    if scan.values.min() >= NO_AIR:
        notes.append("No voxel is near -1000, which is air in Hounsfield units: load_ct will ask what the numbers are.")
    rows = [*_facts(scan), *_grid(scan), *_numbers(scan), *(("note", note, "") for note in notes)]
    return pd.DataFrame(rows, columns=["property", "value", "unit"])


def _facts(scan: Scan) -> list[tuple[str, str, str]]:
    return [(name, str(value), _UNITS.get(name, "")) for name, value in scan.facts.items()]


_UNITS = {
    "tube voltage": "kV",
    "smallest slice distance": "mm",
    "largest slice distance": "mm",
    "slice thickness": "mm",
}


def _grid(scan: Scan) -> list[tuple[str, str, str]]:
    spacing, shape = scan.spacing, scan.values.shape
    axes = scan.lps_from_voxel[:3, :3] / spacing
    right = np.degrees(np.arccos(np.clip(np.cross(axes[:, 0], axes[:, 1]) @ axes[:, 2], -1, 1)))
    return [
        ("voxels", " × ".join(map(str, shape)), ""),
        ("voxel size", " × ".join(f"{mm:.4g}" for mm in spacing), "mm"),
        ("extent", " × ".join(f"{mm:.4g}" for mm in spacing * shape), "mm"),
        ("axes run towards", ", ".join(_letter(axis) for axis in axes.T), ""),
        ("tilt of the slices", f"{min(right, 180 - right):.2f}", "°"),
        ("first voxel (LPS)", ", ".join(f"{mm:.4g}" for mm in scan.lps_from_voxel[:3, 3]), "mm"),
    ]


def _letter(axis: np.ndarray) -> str:
    """The patient's direction that an axis runs along, with the next one if it is oblique."""
    strongest = np.argsort(-np.abs(axis))
    letters = [_LETTERS[2 * k + int(axis[k] < 0)] for k in strongest if abs(axis[k]) > 0.25]
    return "".join(letters)


def _numbers(scan: Scan) -> list[tuple[str, str, str]]:
    """Smallest and largest number, and the shares that are air and bone, if the numbers are Hounsfield units."""
    values = scan.values
    rows = [("numbers", f"{values.min():.6g} to {values.max():.6g}", "HU")]
    if values.min() < NO_AIR:
        rows += [
            ("air (under -200 HU)", f"{100 * float((values < NO_AIR).mean()):.0f}", "%"),
            ("bone (over 250 HU)", f"{100 * float((values > 250).mean()):.1f}", "%"),
        ]
    return rows
