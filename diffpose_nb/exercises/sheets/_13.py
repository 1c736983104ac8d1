"""Exercises of the notebook on what an X-ray shows and the CT does not."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..answers import Choices, Exercise, Mistake, example_distances

_RESIDUAL, _SCATTER, _CAUCHY = 0.9, 0.05, 3.0
"""A pixel's residual, the scatter of the residuals, and the constant of Cauchy's weight."""
_DEGREES, _OVER, _ALONG = 6.0, 100.0, 120.0
"""A bend in degrees, over how many mm of the spine, and how many mm along the spine the other vertebra is."""
_SCALE = 1.03
"""The factor by which the pixel spacing is too large."""


def _weight() -> Exercise:
    ratio = _RESIDUAL / (_CAUCHY * _SCATTER)
    return Exercise(
        answer=1 / (1 + ratio**2),
        unit="",
        tolerance=0.01,
        mistakes=(
            Mistake(1 / (1 + ratio), "The ratio is squared."),
            Mistake(1 / (1 + (_RESIDUAL / _SCATTER) ** 2), "The scatter is multiplied by c first."),
            Mistake(1 - 1 / (1 + ratio**2), "That is what the weight has lost. What is left of it?"),
        ),
    )


def _bend() -> Exercise:
    curvature = math.radians(_DEGREES) / _OVER
    angle = curvature * _ALONG
    return Exercise(
        answer=(1 - math.cos(angle)) / curvature,
        unit="mm",
        tolerance=0.02,
        mistakes=(
            Mistake(
                _ALONG * math.sin(angle), "The spine is an arc. It does not leave the first vertebra at that angle."
            ),
            Mistake(_ALONG * math.sin(math.radians(_DEGREES)), "The angle grows along the spine, from 0° on."),
            Mistake(math.degrees(angle), "That is the angle between the two vertebrae, in degrees."),
        ),
    )


def _scale(scale: float = _SCALE) -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=sod * (1 - 1 / scale),
        unit="mm",
        tolerance=0.01,
        mistakes=(
            Mistake(sid * (1 - 1 / scale), "That is a share of the SID. The patient lies at the isocentre."),
            Mistake(sod * (1 - scale), "How far, not which way; and the patient comes nearer by a quotient."),
            Mistake(
                sod * (scale - 1),
                f"Close. What is projected {scale - 1:.0%} larger is nearer by the factor 1/{scale:g}, "
                f"not {2 - scale:g}.",
            ),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "13-weight": _weight,
    "13-bend": _bend,
    "13-scale": _scale,
}
VARIANTS: dict[str, Choices] = {"13-scale": {"scale": (1.03, 1.04, 1.05, 1.06, 1.08)}}
