"""Checking an answer to an exercise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .answers import Exercise
from .sheets import SHEETS

EXERCISES: dict[str, Callable[..., Exercise]] = {
    name: exercise for sheet in SHEETS for name, exercise in sheet.EXERCISES.items()
}
"""All exercises by name, each as a function that makes it. A name begins with the number of the notebook.

Without arguments it is the exercise of the book; the arguments of some are what :func:`given` draws for a student."""


@dataclass(frozen=True)
class Verdict:
    """The result of :func:`check`. It is displayed as a sentence."""

    right: bool
    message: str

    def __repr__(self) -> str:
        return self.message


def check(name: str, answer: object, given: Mapping[str, Any] | None = None) -> Verdict:
    """Check an answer to an exercise.

    Parameters
    ----------
    name
        Name of the exercise, such as "00-magnification".
    answer
        A number, or something that can be converted to one, such as a tensor with one element. ``...`` means that there
        is no answer yet.
    given
        The numbers of a student's own variant, see :func:`given`. Default: those of the book.

    Raises
    ------
    ValueError
        There is no exercise with this name.
    """
    if name not in EXERCISES:
        raise ValueError(f"no exercise is called {name!r}: there are {', '.join(EXERCISES)}")
    if answer is ...:
        return Verdict(False, "Not yet: put your answer in place of the three dots.")
    try:
        number = float(answer)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return Verdict(False, f"Not yet: a single number is expected, this is a {type(answer).__name__}.")
    exercise = EXERCISES[name](**(given or {}))
    if math.isclose(number, exercise.answer, rel_tol=exercise.tolerance):
        return Verdict(True, f"Right: {exercise.answer:.4g} {exercise.unit}.")
    for mistake in exercise.mistakes:
        if math.isclose(number, mistake.answer, rel_tol=mistake.tolerance or exercise.tolerance):
            return Verdict(False, f"Not yet. {mistake.hint}")
    return Verdict(False, f"Not yet: it is not {number:.4g} {exercise.unit}.")
