"""Exercises of the notebook on X-rays and CTs that do not show the same part of a patient."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Exercise, Mistake, example_distances

_FIELD, _THICK = 220.0, 250.0
"""What an X-ray shows along the spine, in the plane of the isocentre, and the patient's thickness, mm."""
_COLUMNS, _LEFT, _KEPT, _PIXEL = 320, 40, 200, 0.4
"""Columns of an X-ray, the first one that a crop keeps, how many it keeps, and a pixel's width in the patient, mm."""
_SEEN, _PICTURE, _PRIOR = 6.0, 4.0, 2.0
"""mm: where the picture puts a bone, counted from the start; and standard deviations of picture and prior."""


def _long_enough() -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=_FIELD * (sod + _THICK / 2) / sod,
        unit="mm",
        tolerance=0.005,
        mistakes=(
            Mistake(_FIELD, "That is enough in the plane of the isocentre. The patient goes on behind it."),
            Mistake(_FIELD * (sod - _THICK / 2) / sod, "Rays spread: the field is larger behind the isocentre."),
            Mistake(_FIELD * sid / sod, "That is at the detector. The rays leave the patient before it."),
            Mistake(_FIELD * (sod + _THICK) / sod, "The isocentre is in the middle of the patient."),
        ),
    )


def _crop() -> Exercise:
    middle = (_COLUMNS - 1) / 2 - (_LEFT + (_KEPT - 1) / 2)
    sid, sod = example_distances()
    return Exercise(
        answer=middle * _PIXEL,
        unit="mm",
        tolerance=0.01,
        mistakes=(
            Mistake(-middle * _PIXEL, "How far, not which way."),
            Mistake(middle, "That is in pixels."),
            Mistake(_LEFT * _PIXEL, "Columns were cut off on both sides. Where is the middle of what is left?"),
            Mistake(middle * _PIXEL * sid / sod, "That is at the detector. The 0.4 mm are in the patient already."),
        ),
    )


def _prior() -> Exercise:
    picture, prior = _PICTURE**-2, _PRIOR**-2
    return Exercise(
        answer=_SEEN * picture / (picture + prior),
        unit="mm",
        tolerance=0.01,
        mistakes=(
            Mistake(_SEEN * prior / (picture + prior), "The surer one of the two counts more, not less."),
            Mistake(_SEEN * _PRIOR / (_PRIOR + _PICTURE), "The weights are one over the variances."),
            Mistake(_SEEN / 2, "They do not count the same: the prior is surer."),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "12-long-enough": _long_enough,
    "12-crop": _crop,
    "12-prior": _prior,
}
