"""Patient Orientation (0020,0020): how the stored image is oriented (PS3.3 C.7.6.1.1.1)."""

from __future__ import annotations

import re

import torch
from pydicom.multival import MultiValue
from torch import Tensor

from ...camera import ras_from_lps
from ..header import Header, Unusable, find_value, tag_label

_axes = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "H": (2, 1), "F": (2, -1)}


def implied_orientation(world_from_camera: Tensor) -> list[str]:
    r"""Patient Orientation of a mirrored camera's image, such as ``["L", "F"]``.

    The letters say in which directions columns and rows increase.
    """
    return [letters(direction) for direction in _directions(world_from_camera)]


def _directions(world_from_camera: Tensor) -> tuple[Tensor, Tensor]:
    """The LPS directions u and v in which the columns and the rows of a mirrored camera's image increase."""
    axes = ras_from_lps[:3, :3] @ world_from_camera[:3, :3]
    return -axes[:, 0], axes[:, 1]


def letters(direction: Tensor, least: float = 0.0175) -> str:
    """The letters of an LPS direction (3,), the largest component first; components under ``least`` are left out.

    With the default, an axis is left out if the direction is within a degree of a right angle to it.
    """
    names = [("L", "R"), ("P", "A"), ("H", "F")]
    parts = [(abs(c), names[i][c < 0]) for i, c in enumerate(direction.tolist()) if abs(c) > least]
    return "".join(letter for _, letter in sorted(parts, key=lambda part: -part[0]))


def find_mirror(header: Header, world_from_camera: Tensor, angles_were_given: bool) -> str:
    """How the stored image is flipped, compared with the image that the angles imply: "", "columns" or "rows".

    A flipped image gives a note. A rotated image gives a problem, unless the angles were given as arguments, because
    arguments override the file.
    """
    label = tag_label("PatientOrientation")
    try:
        value = find_value(header.scopes, "PatientOrientation")
    except Unusable as reason:
        header.notes.append(f"{label} is {reason}; not used.")
        value = None
    else:
        if value is None:
            header.notes.append(
                f"{label} is missing: the image is taken as seen from the detector, the patient's head up "
                "when the angles are 0."
            )
    if value is None:
        return ""
    stored = [str(item).strip().upper() for item in value] if isinstance(value, MultiValue) else []
    if len(stored) != 2 or not all(re.fullmatch(r"[LRPAHF]{1,3}", item) for item in stored):
        header.notes.append(f"{label} is not two sets of the letters L, R, P, A, H, F; not used.")
        return ""
    u, v = _directions(world_from_camera)
    scores = {
        "": _agreement(stored, u, v),
        "columns": _agreement(stored, -u, v),
        "rows": _agreement(stored, u, -v),
        "both": _agreement(stored, -u, -v),
        "turned": max(_agreement(stored, a, b) for a in (v, -v) for b in (u, -u)),
    }
    mirror = max(scores, key=scores.__getitem__)
    said = f"{label} is {'/'.join(stored)}, and the angles imply {'/'.join(implied_orientation(world_from_camera))}"
    if scores[mirror] < 0.1 or mirror in ("both", "turned"):
        if angles_were_given:
            header.notes.append(f"{said}; not used, since the angles were given.")
        else:
            header.problems.append(
                f"{said}: the image was rotated, or the angles are not those of this image. "
                "Pass primary=… and secondary=… (degrees)."
            )
        return ""
    if mirror == "columns":
        header.notes.append(f"{said}: the stored image is mirrored; it was flipped left to right.")
    elif mirror == "rows":
        header.notes.append(f"{said}: the stored image is mirrored; it was flipped top to bottom.")
    return mirror


def _agreement(stored: list[str], columns: Tensor, rows: Tensor) -> float:
    """The smaller of the two cosines between stored letters and directions. The first letter has the largest weight."""
    cosines = []
    for letters, direction in zip(stored, (columns, rows), strict=True):
        guess = torch.zeros(3, dtype=torch.float64)
        for place, letter in enumerate(letters):
            axis, sign = _axes[letter]
            guess[axis] += sign * 0.6**place
        cosines.append((guess @ direction / guess.norm().clamp(min=1e-9)).item())
    return min(cosines)
