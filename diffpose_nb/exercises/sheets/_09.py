"""Exercises of the notebook on refinement."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Choices, Exercise, Mistake, example_distances

_SHORT = 15.0
"""Error of the header's SID, mm: it is too small by this much."""
_SMOOTHING, _BINNED = 2.5, 3.88
"""Width of the blur in the patient, mm, and width of a binned pixel at the detector, mm."""
_SLOPE, _CURVATURE, _DAMPING = 0.02, 0.004, 0.25
"""Slope (1/mm) and curvature (1/mm²) of a cost, and the damping of the Levenberg-Marquardt method."""


def _wrong_sid(short: float = _SHORT) -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=short * sod / sid,
        unit="mm",
        tolerance=0.02,
        mistakes=(
            Mistake(short, "That moves the detector. Which distance keeps the magnification SID/SOD?"),
            Mistake(short * sid / sod, "The other way round: the patient is nearer to the source than the detector."),
            Mistake(short * (sid - sod) / sid, "That is measured from the detector. The source is what stays."),
        ),
    )


def _matched_blur(smoothing: float = _SMOOTHING) -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=smoothing * sid / sod / _BINNED,
        unit="pixels",
        tolerance=0.01,
        mistakes=(
            Mistake(smoothing / _BINNED, "The blur in the patient is magnified on its way to the detector."),
            Mistake(smoothing * sod / sid / _BINNED, "At the detector things are larger, not smaller."),
            Mistake(smoothing * sid / sod, "That is in mm at the detector. How many pixels is it?"),
            Mistake(smoothing * sid / sod * 4 / _BINNED, "The X-ray is binned: its pixels are 3.88 mm wide."),
        ),
    )


def _damped_step(slope: float = _SLOPE, curvature: float = _CURVATURE, damping: float = _DAMPING) -> Exercise:
    return Exercise(
        answer=slope / (curvature * (1 + damping)),
        unit="mm",
        tolerance=0.005,
        mistakes=(
            Mistake(slope / curvature, "That is Gauss–Newton without damping."),
            Mistake(-slope / (curvature * (1 + damping)), "The slope is negative, so the cost falls forwards."),
            Mistake(slope / (curvature + damping), "Marquardt's damping is a multiple of the curvature."),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "09-wrong-sid": _wrong_sid,
    "09-matched-blur": _matched_blur,
    "09-damped-step": _damped_step,
}
VARIANTS: dict[str, Choices] = {
    "09-wrong-sid": {"short": (8, 10, 12, 18, 20, 24)},
    "09-matched-blur": {"smoothing": (2.0, 2.2, 2.8, 3.0, 3.4)},
    "09-damped-step": {"slope": (0.01, 0.015, 0.03, 0.04), "curvature": (0.002, 0.005), "damping": (0.1, 0.2, 0.5)},
}
