"""From the positions of slices to the grid of a volume, in which every slice stays where it was.

SimpleITK and GDCM sort slices along their normal. Then they use the distance of two neighbours, or the mean distance,
for all of them. If a slice is missing, if a series has two distances, or if the gantry was tilted, this moves the
anatomy by millimetres, and no message says so. highdicom notices all three and refuses the series. Here slices at even
distances become the grid as they are, also if they are tilted against the axis on which they lie. Small gaps are filled
by interpolation, and a note says so. Everything else is refused, and the message names the files beside the gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import CTError
from .slices import Slice

EVEN = 0.01
"""mm: slices that are no further than this from an even spacing, along or across the stack, count as evenly spaced.
Scanners write positions with two decimals or more."""
LARGEST_GAP = 10.0
"""mm: neighbouring slices that are further apart are not joined, since what lies between them is unknown."""
_TILT = 0.05
"""Degrees: a smaller angle between the stack's direction and the slices' normal is rounding, and is not mentioned."""


@dataclass(frozen=True)
class Stack:
    """A volume's grid, and of which slices each of its layers is made.

    Parameters
    ----------
    lps_from_voxel
        (4, 4) voxel indices (column, row, layer) to DICOM patient coordinates, mm. The third axis follows the slices,
        also where they are tilted against their normal.
    below, share
        (layers,) each layer is ``(1 - share) * slices[below] + share * slices[below + 1]``.
    notes
        Sentences for the user.
    """

    lps_from_voxel: np.ndarray
    below: np.ndarray
    share: np.ndarray
    notes: tuple[str, ...]


def ordered(slices: Sequence[Slice]) -> list[Slice]:
    """Slices along their normal, from the lowest."""
    return sorted(slices, key=lambda one: float(one.position @ slices[0].normal))


def stack(slices: Sequence[Slice]) -> Stack:
    """The grid of slices that are :func:`ordered`, parallel and each at another place.

    Raises
    ------
    CTError
        Fewer than two slices; slices that wander sideways; gaps of more than :data:`LARGEST_GAP`.
    """
    folder = slices[0].file.parent
    if len(slices) < 2:
        raise CTError(f"{folder}: a single slice, {slices[0].name}, is no volume: give the folder of the whole series")
    places = np.stack([one.position for one in slices])
    heights = places @ slices[0].normal
    direction = (places[-1] - places[0]) / (heights[-1] - heights[0])  # per mm along the normal
    sideways = np.linalg.norm(places - places[0] - (heights - heights[0])[:, None] * direction, axis=1)
    if sideways.max() > EVEN:
        worst = int(sideways.argmax())
        raise CTError(
            f"{folder}: the slices do not lie on one line: {slices[worst].name} is {sideways[worst]:.3g} mm beside it. "
            "They are of several scans, or the table moved; give the folder of one scan"
        )
    steps = np.diff(heights)
    even = heights[0] + np.arange(len(slices)) * (heights[-1] - heights[0]) / (len(slices) - 1)
    notes = _tilt_note(slices[0].normal, direction)
    if np.abs(heights - even).max() <= EVEN:
        grid, step = even, (heights[-1] - heights[0]) / (len(slices) - 1)
        below, share = np.minimum(np.arange(len(slices)), len(slices) - 2), np.zeros(len(slices))
        share[-1] = 1.0
    else:
        grid, step, more = _filled(slices, heights, steps)
        notes += more
        below = np.clip(np.searchsorted(heights, grid + 1e-6, side="right") - 1, 0, len(slices) - 2)
        share = ((grid - heights[below]) / steps[below]).clip(0, 1)
        share[share < 1e-6], share[share > 1 - 1e-6] = 0.0, 1.0
    return Stack(_matrix(slices[0], direction * step), below, share, tuple(notes))


def _filled(slices: Sequence[Slice], heights: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, float, list[str]]:
    """An even grid through slices that are not evenly spaced: its heights, its step, and what to say of it."""
    widest = int(steps.argmax())
    typical = float(np.median(steps))
    beside = f"between {slices[widest].name} and {slices[widest + 1].name}"
    if steps[widest] > max(LARGEST_GAP, 1.5 * typical) or steps[widest] > 2 * LARGEST_GAP:
        raise CTError(
            f"{slices[0].file.parent}: slices are {typical:.4g} mm apart, but {steps[widest]:.4g} mm {beside}: slices "
            "are missing there. Copy the whole series again, or give a folder with the slices of one side"
        )
    step = float(steps.min())
    number = round((heights[-1] - heights[0]) / step)
    if number > 20 * len(slices):
        raise CTError(
            f"{slices[0].file.parent}: slices are between {step:.3g} and {steps[widest]:.4g} mm apart; several scans "
            "are mixed. Give the folder of one scan"
        )
    step = float((heights[-1] - heights[0]) / number)
    uneven = np.flatnonzero(steps > 1.5 * step)
    kind = (
        f"one gap of {steps[widest]:.4g} mm {beside}"
        if len(uneven) == 1
        else f"distances from {steps.min():.4g} to {steps.max():.4g} mm, the widest {beside}"
    )
    filled = f"Filled in by interpolation every {step:.4g} mm, each slice in its place."
    note = f"The slices are not evenly spaced: {kind}. {filled}"
    return heights[0] + step * np.arange(number + 1), step, [note]


def _tilt_note(normal: np.ndarray, direction: np.ndarray) -> list[str]:
    tilt = float(np.degrees(np.arccos(np.clip(normal @ direction / np.linalg.norm(direction), -1, 1))))
    if tilt < _TILT:
        return []
    return [f"The slices are tilted by {tilt:.1f}° against the direction in which they are stacked; they are kept so."]


def _matrix(first: Slice, step: np.ndarray) -> np.ndarray:
    row, column = first.spacing
    matrix = np.eye(4)
    matrix[:3] = np.stack([first.across * column, first.down * row, step, first.position], axis=1)
    return matrix
