"""Exercises of the notebook on the papers' figures."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Exercise, Mistake

_SIDE, _PATCH, _PATCHES = 256, 13, 100
"""Pixels of the image's side and of a patch's side, and number of patches."""
_WHOLE, _SPARSE, _ITERATIONS = 29.5, 8.57, 250
"""ms of a rendering of the whole image and of 100 patches, as DiffPose's notebook prints them, and iterations."""


def _share() -> Exercise:
    answer = 100 * _PATCHES * _PATCH**2 / _SIDE**2
    return Exercise(
        answer=answer,
        unit="%",
        tolerance=0.02,
        mistakes=(
            Mistake(answer / 100, "That is a share from 0 to 1. Per cent are asked for."),
            Mistake(100 * _PATCHES * _PATCH / _SIDE, "A patch is a square: its pixels are the square of its side."),
            Mistake(100 * _PATCHES * _PATCH / _SIDE**2, "A patch of 13 x 13 has 169 pixels, not 13."),
        ),
    )


def _saved() -> Exercise:
    answer = _ITERATIONS * (_WHOLE - _SPARSE) / 1000
    return Exercise(
        answer=answer,
        unit="s",
        tolerance=0.02,
        mistakes=(
            Mistake(1000 * answer, "That is in milliseconds."),
            Mistake(_ITERATIONS * _SPARSE / 1000, "That is what the patches take. What they save is asked for."),
            Mistake(_ITERATIONS * _WHOLE / 1000, "That is what whole images take. What the patches save is asked for."),
            Mistake(answer / _ITERATIONS, "That is one iteration."),
        ),
    )


EXERCISES: dict[str, Callable[[], Exercise]] = {"17-share": _share, "17-saved": _saved}
