"""Exercises of the notebook on data of your own."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Exercise, Mistake, example_distances

_ELEMENT, _ELEMENTS, _SHOWN = 0.194, 1536, 1024
"""mm of an element of a detector, how many there are in a row, and in how many columns they are exported."""
_XRAYS, _PATIENTS, _REGISTER, _READ, _WORKERS = 400, 40, 6.0, 9.0, 2
"""X-rays, patients, seconds to register an X-ray, seconds to read and prepare a CT, workers."""


def _spacing() -> Exercise:
    sid, sod = example_distances()
    answer = _ELEMENT * _ELEMENTS / _SHOWN
    return Exercise(
        answer=answer,
        unit="mm",
        tolerance=0.005,
        mistakes=(
            Mistake(_ELEMENT, "That is the detector's own. The same width is now in fewer columns."),
            Mistake(_ELEMENT * _SHOWN / _ELEMENTS, "Fewer columns are wider, not narrower."),
            Mistake(answer * sod / sid, "That is in the patient. The spacing at the detector is asked for."),
        ),
    )


def _minutes() -> Exercise:
    together = _XRAYS * _REGISTER + _PATIENTS * _READ
    return Exercise(
        answer=together / _WORKERS / 60,
        unit="minutes",
        tolerance=0.01,
        mistakes=(
            Mistake(together / 60, "There are two workers."),
            Mistake(
                _XRAYS * (_REGISTER + _READ) / _WORKERS / 60, "A CT is read once for a patient, not for each X-ray."
            ),
            Mistake(_XRAYS * _REGISTER / _WORKERS / 60, "The CTs have to be read too."),
            Mistake(together / _WORKERS, "That is in seconds."),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "16-spacing": _spacing,
    "16-minutes": _minutes,
}
