"""Exercises of the notebook on training."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..answers import Choices, Exercise, Mistake, example_distances

_SPACING, _PIXELS = 3.2, 96
"""Pixel spacing (mm) and number of pixels along a side of the network's camera."""
_SHIFT, _WIDTH = 50.0, 310.0
"""Shift of the patient and width of the detector, mm."""


def _turn(degrees: float = 1) -> Exercise:
    sid, sod = example_distances()
    turn = math.radians(degrees)
    return Exercise(
        answer=sid * math.tan(turn) / _SPACING,
        unit="pixels",
        tolerance=0.01,
        mistakes=(
            Mistake(sid * math.tan(turn), "That is in mm at the detector. How many pixels is it?"),
            Mistake(sod * math.tan(turn) / _SPACING, "The detector is a whole SID away from the source."),
            Mistake(sid / _SPACING, "You left out the angle, or its tangent."),
            Mistake(sid * math.tan(degrees) / _SPACING, "Python's tan takes radians, not degrees."),
        ),
    )


def _depth(pixels: int = _PIXELS) -> Exercise:
    _, sod = example_distances()
    edge = pixels / 2
    return Exercise(
        answer=sod / (edge - 1),
        unit="mm",
        tolerance=0.03,
        mistakes=(
            Mistake(sod / pixels, f"From its middle, the edge is half of {pixels} pixels away.", 0.01),
            Mistake(sod / 1020 * _SPACING, "That is how far a pixel is sideways. Depth changes the magnification."),
            Mistake(_SPACING, "That is how far a pixel is at the detector. Depth changes the magnification."),
        ),
    )


def _share(shift: float = _SHIFT) -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=shift * sid / sod / _WIDTH,
        unit="of the width",
        tolerance=0.02,
        mistakes=(
            Mistake(shift / _WIDTH, "The shift is in the patient. At the detector it is magnified."),
            Mistake(shift * sod / sid / _WIDTH, "At the detector things are larger, not smaller."),
            Mistake(shift * sid / sod, "That is in mm. What share of 310 mm is it?"),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {"10-turn": _turn, "10-depth": _depth, "10-shift": _share}
VARIANTS: dict[str, Choices] = {
    "10-turn": {"degrees": (0.5, 1.5, 2, 2.5, 3)},
    "10-depth": {"pixels": (48, 64, 80, 112, 128)},
    "10-shift": {"shift": (20, 30, 40, 60, 70)},
}
