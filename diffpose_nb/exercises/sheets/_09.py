"""Exercises of the notebook on refinement."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Exercise, Mistake, example_distances

_SHORT = 15.0
"""Error of the header's SID, mm: it is too small by this much."""
_SMOOTHING, _BINNED = 2.5, 3.88
"""Width of the blur in the patient, mm, and width of a binned pixel at the detector, mm."""
_SLOPE, _CURVATURE, _DAMPING = 0.02, 0.004, 0.25
"""Slope (1/mm) and curvature (1/mm²) of a cost, and the damping of the Levenberg-Marquardt method."""


def _wrong_sid() -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=_SHORT * sod / sid,
        unit="mm",
        tolerance=0.02,
        mistakes=(
            Mistake(_SHORT, "That moves the detector. Which distance keeps the magnification SID/SOD?"),
            Mistake(_SHORT * sid / sod, "The other way round: the patient is nearer to the source than the detector."),
            Mistake(_SHORT * (sid - sod) / sid, "That is measured from the detector. The source is what stays."),
        ),
    )


def _matched_blur() -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=_SMOOTHING * sid / sod / _BINNED,
        unit="pixels",
        tolerance=0.01,
        mistakes=(
            Mistake(_SMOOTHING / _BINNED, "The blur in the patient is magnified on its way to the detector."),
            Mistake(_SMOOTHING * sod / sid / _BINNED, "At the detector things are larger, not smaller."),
            Mistake(_SMOOTHING * sid / sod, "That is in mm at the detector. How many pixels is it?"),
            Mistake(_SMOOTHING * sid / sod * 4 / _BINNED, "The X-ray is binned: its pixels are 3.88 mm wide."),
        ),
    )


def _damped_step() -> Exercise:
    return Exercise(
        answer=_SLOPE / (_CURVATURE * (1 + _DAMPING)),
        unit="mm",
        tolerance=0.005,
        mistakes=(
            Mistake(_SLOPE / _CURVATURE, "That is Gauss–Newton without damping."),
            Mistake(-_SLOPE / (_CURVATURE * (1 + _DAMPING)), "The slope is negative, so the cost falls forwards."),
            Mistake(_SLOPE / (_CURVATURE + _DAMPING), "Marquardt's damping is a multiple of the curvature."),
        ),
    )


EXERCISES: dict[str, Callable[[], Exercise]] = {
    "09-wrong-sid": _wrong_sid,
    "09-matched-blur": _matched_blur,
    "09-damped-step": _damped_step,
}
