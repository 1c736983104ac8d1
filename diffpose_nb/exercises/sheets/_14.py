"""Exercises of the notebook on two real X-rays of a wrist."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..answers import Exercise, Mistake

_FOCAL, _DISTANCE, _SID = 6167.0, 1040.0, 1400.0
"""Focal length in pixels; distance of the wrist from the source, and SID as it is chosen, mm."""
_LENGTH, _AWAY = 80.0, 7.0
"""Length of the bone, and how far it moves along the beam, mm."""
_OPEN, _LARGEST = 900.0, 255.0
"""The open beam as the detector would count it, and the largest number that a pixel holds."""


def _pixel() -> Exercise:
    return Exercise(
        answer=_DISTANCE / _FOCAL,
        unit="mm",
        tolerance=0.005,
        mistakes=(
            Mistake(_SID / _FOCAL, "That is a pixel at the detector. The wrist is nearer to the source."),
            Mistake(_FOCAL / _DISTANCE, "That is how many pixels a mm is."),
        ),
    )


def _depth() -> Exercise:
    shadow = _LENGTH * _FOCAL / _DISTANCE
    return Exercise(
        answer=shadow * _AWAY / (_DISTANCE + _AWAY),
        unit="pixels",
        tolerance=0.01,
        mistakes=(
            Mistake(shadow, "That is its length before."),
            Mistake(_AWAY * _FOCAL / _DISTANCE, "So far its shadow would move if it went 7 mm across the beam."),
            Mistake(_LENGTH * _AWAY / (_DISTANCE + _AWAY), "That is in mm at the wrist."),
        ),
    )


def _saturation() -> Exercise:
    return Exercise(
        answer=math.log(_OPEN / _LARGEST),
        unit="",
        tolerance=0.01,
        mistakes=(
            Mistake(_OPEN / _LARGEST, "That is the ratio of intensities. A line integral is its logarithm."),
            Mistake(math.log10(_OPEN / _LARGEST), "Beer and Lambert's law has the natural logarithm."),
            Mistake(-math.log(_OPEN / _LARGEST), "By how much it is too small: a positive number."),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "14-pixel": _pixel,
    "14-depth": _depth,
    "14-saturation": _saturation,
}
