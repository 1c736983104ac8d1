"""Whether a volume can be a patient's, and whether its numbers can be Hounsfield units."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .errors import CTError
from .reading.scan import AIR, Scan

Hounsfield = Callable[[np.ndarray], np.ndarray] | tuple[float, float]
"""How stored numbers become Hounsfield units: a function of an array, or ``(slope, intercept)``."""

SPACING_LIMITS = (0.05, 20.0)
"""Least and largest distance between voxel centres, mm: that of a micro-CT, and of a coarse survey."""
EXTENT_LIMITS = (20.0, 2500.0)
"""Least and largest length of a volume's longest side, mm: that of a finger, and of a whole body."""
HU_LIMITS = (-1024.0, 30_710.0)
"""Hounsfield units that a scanner gives: from its own mark for "outside" up to metal on the extended scale. Numbers
beyond are set to these limits: the renderer has 16 bits for all values, and one voxel with the value of a million would
leave none to tell the others apart."""
NO_AIR = -200.0
"""A volume without a voxel below this is taken not to be in Hounsfield units, since a CT shows air around and in a
patient."""


def require_plausible_grid(scan: Scan, path: Path) -> None:
    """Raise an error if spacing or extent cannot be a patient's.

    Raises
    ------
    CTError
        A spacing or an extent is out of :data:`SPACING_LIMITS` or :data:`EXTENT_LIMITS`, or the axes do not span space.
    """
    matrix = scan.lps_from_voxel
    if not np.isfinite(matrix).all():
        raise CTError(f"{path}: its transform has NaN or infinite numbers; save it anew")
    spacing = scan.spacing
    shown = " × ".join(f"{mm:.4g}" for mm in spacing)
    low, high = SPACING_LIMITS
    if spacing.min() < low or spacing.max() > high:
        raise CTError(
            f"{path}: voxels of {shown} mm, which no patient's CT has ({low:g} to {high:g} mm): is the unit of "
            "length right? "
            "Save it anew in millimetres"
        )
    extent = spacing * scan.values.shape
    low, high = EXTENT_LIMITS
    if extent.max() < low or extent.max() > high:
        raise CTError(
            f"{path}: a volume of {' × '.join(f'{mm:.4g}' for mm in extent)} mm, which is no part of a patient "
            f"({low:g} to "
            f"{high:g} mm): is the unit of length right? Save it anew in millimetres"
        )
    if abs(np.linalg.det(matrix[:3, :3] / spacing)) < 1e-2:
        raise CTError(f"{path}: its axes do not span space: two of them are (almost) the same. Save it anew")


def to_hounsfield(scan: Scan, path: Path, hounsfield: Hounsfield | None) -> None:
    """Make the scan's numbers Hounsfield units, in place; its notes say what was done.

    Parameters
    ----------
    hounsfield
        What the numbers are, if the caller knows. None: they have to look like Hounsfield units.

    Raises
    ------
    CTError
        Numbers that are not finite, or that do not look like Hounsfield units and of which nothing was said.
    """
    if not np.isfinite(scan.values.sum(dtype=np.float64)):
        raise CTError(f"{path}: some voxels are NaN or infinite; fill them (with -1000 HU for air) and save it again")
    if hounsfield is not None:
        scan.values = _converted(scan.values, path, hounsfield)
        scan.notes.append("Numbers were taken for Hounsfield units, or made so, as hounsfield= says.")
    elif scan.values.min() >= NO_AIR:
        raise CTError(f"{path}: {_what_else(scan.values)}")
    low, high = HU_LIMITS
    below, above = int((scan.values < low).sum()), int((scan.values > high).sum())
    if below or above:
        if below:
            scan.notes.append(f"{below:,} voxels under {low:g} HU, which mark what was not scanned, are set to it.")
        if above:
            scan.notes.append(f"{above:,} voxels over {high:,.0f} HU, which no tissue or metal has, are set to it.")
        np.clip(scan.values, low, high, out=scan.values)
    if scan.values.max() <= AIR + 200:
        raise CTError(f"{path}: nothing but air: no voxel is above {AIR + 200:g} HU")


def _converted(values: np.ndarray, path: Path, hounsfield: Hounsfield) -> np.ndarray:
    if callable(hounsfield):
        converted = np.asarray(hounsfield(values), np.float32)
        if converted.shape != values.shape or not np.isfinite(converted).all():
            raise CTError(f"{path}: hounsfield=… gave shape {converted.shape} or numbers that are not finite")
        return converted
    slope, intercept = hounsfield
    if slope != 1:
        values *= np.float32(slope)
    if intercept != 0:
        values += np.float32(intercept)
    return values


def _what_else(values: np.ndarray) -> str:
    """What numbers without air may be, and what to do."""
    low, high = float(values.min()), float(values.max())
    seen = f"numbers from {low:.4g} to {high:.4g}, and none near -1000, which is air in Hounsfield units"
    mend = "If they are Hounsfield units of a part without air, pass hounsfield=(1, 0)."
    if low >= 0 and high <= 1.001:
        guess = "They look normalised, or like an attenuation."
        mend = "Give the original CT, or pass a function hounsfield=… that turns them into Hounsfield units."
    elif low >= 0 and high <= 255 and np.array_equal(values, np.rint(values)):
        guess = "They look like grey values of 8 bits, of which the scale is lost."
        mend = "Give the original CT, or pass a function hounsfield=… that turns them into Hounsfield units."
    elif low >= 0 and 1000 < high < 5200:
        guess = "They look like Hounsfield units with 1024 (or 1000) added."
        mend = f"In that case pass hounsfield=(1, -1024). {mend}"
    else:
        guess = "They may be of an MR, a PET or a cone-beam CT without calibration."
    return f"{seen}. {guess} {mend}"
