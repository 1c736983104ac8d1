"""Exercises of the notebook on training."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..answers import Exercise, Mistake, example_distances

_SPACING, _PIXELS = 3.2, 96
"""Pixel spacing (mm) and number of pixels along a side of the network's camera."""
_TURN = math.radians(1.0)
_SHIFT, _WIDTH = 50.0, 310.0
"""Shift of the patient and width of the detector, mm."""


def _turn() -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=sid * math.tan(_TURN) / _SPACING,
        unit="pixels",
        tolerance=0.01,
        mistakes=(
            Mistake(sid * math.tan(_TURN), "That is in mm at the detector. How many pixels is it?"),
            Mistake(sod * math.tan(_TURN) / _SPACING, "The detector is a whole SID away from the source."),
            Mistake(sid / _SPACING, "Python's tan takes radians, and 1 is 57°; or the angle was left out."),
            Mistake(sid * math.tan(1.0) / _SPACING, "Python's tan takes radians, not degrees."),
        ),
    )


def _depth() -> Exercise:
    _, sod = example_distances()
    edge = _PIXELS / 2
    return Exercise(
        answer=sod / (edge - 1),
        unit="mm",
        tolerance=0.03,
        mistakes=(
            Mistake(sod / _PIXELS, "From its middle, the edge is half of 96 pixels away.", 0.01),
            Mistake(sod / 1020 * _SPACING, "That is how far a pixel is sideways. Depth changes the magnification."),
            Mistake(_SPACING, "That is how far a pixel is at the detector. Depth changes the magnification."),
        ),
    )


def _share() -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=_SHIFT * sid / sod / _WIDTH,
        unit="of the width",
        tolerance=0.02,
        mistakes=(
            Mistake(_SHIFT / _WIDTH, "The shift is in the patient. At the detector it is magnified."),
            Mistake(_SHIFT * sod / sid / _WIDTH, "At the detector things are larger, not smaller."),
            Mistake(_SHIFT * sid / sod, "That is in mm. What share of 310 mm is it?"),
        ),
    )


EXERCISES: dict[str, Callable[[], Exercise]] = {"10-turn": _turn, "10-depth": _depth, "10-shift": _share}
