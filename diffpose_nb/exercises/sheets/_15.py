"""Exercises of the notebook on the public sets DeepFluoro and Ljubljana."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Exercise, Mistake

_PUBLISHED, _SPACING = 0.9, 0.194
"""An error in DiffPose's measure, and the pixel spacing of DeepFluoro, mm."""
_COLUMNS, _STORED, _EDGE = 1536, 700, 50
"""Columns of an image that is stored upside down, a landmark's column in it, and the pixels cropped at each side."""
_ASIDE, _SID, _DEPTH = 28.0, 1150.0, 750.0
"""mm: the principal point's distance from the image's middle, the SID, and the vessels' distance from the source."""


def _factor() -> Exercise:
    return Exercise(
        answer=_PUBLISHED / _SPACING,
        unit="mm",
        tolerance=0.01,
        mistakes=(
            Mistake(_PUBLISHED * _SPACING, "The factor is in the published number already. Take it out."),
            Mistake(_PUBLISHED, "That is the published number. It was multiplied by the pixel spacing."),
        ),
    )


def _turned() -> Exercise:
    right = _COLUMNS - 1 - _STORED - _EDGE
    return Exercise(
        answer=right,
        unit="pixels",
        tolerance=1e-4,
        mistakes=(
            Mistake(right + 1, "The last column is number 1535, since the first is number 0."),
            Mistake(_STORED - _EDGE, "That is without the turn."),
            Mistake(right + _EDGE, "That is without the crop."),
            Mistake(right - _EDGE, "Only the pixels cropped on the left move the column."),
            Mistake(_COLUMNS - 1 - _STORED + _EDGE, "What is cropped on the left makes columns smaller."),
        ),
    )


def _middle() -> Exercise:
    return Exercise(
        answer=_ASIDE * _DEPTH / _SID,
        unit="mm",
        tolerance=0.01,
        mistakes=(
            Mistake(_ASIDE, "That is at the detector. The vessels are nearer to the source."),
            Mistake(_ASIDE * _SID / _DEPTH, "The other way round: the picture is larger than the vessels."),
            Mistake(
                _ASIDE * (_SID - _DEPTH) / _SID,
                "The share of the way from the source counts, not that from the detector.",
            ),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "15-factor": _factor,
    "15-turned": _turned,
    "15-middle": _middle,
}
