"""Exercises of the notebook on training, then refining a pose, and on counting successes and failures."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..answers import Choices, Exercise, Mistake, example_distances

_PUBLISHED, _FACTOR, _OTHER_FACTOR = 0.9, 0.154, 0.194
"""A published error, mm, and the pixel spacings of Ljubljana's and of DeepFluoro's detector, mm."""
_XRAYS, _CHANCE = 60, 0.05
_TURN = math.radians(2.0)


def _published() -> Exercise:
    return Exercise(
        answer=_PUBLISHED / _FACTOR,
        unit="mm",
        tolerance=0.01,
        mistakes=(
            Mistake(_PUBLISHED * _FACTOR, "That is the factor a second time. It was multiplied: undo it."),
            Mistake(_PUBLISHED / _OTHER_FACTOR, "That is DeepFluoro's factor."),
            Mistake(_PUBLISHED, "The number in the paper has the factor in it."),
        ),
    )


def _no_failure(xrays: int = _XRAYS) -> Exercise:
    rate = 100 * (1 - _CHANCE ** (1 / xrays))
    return Exercise(
        answer=rate,
        unit="%",
        tolerance=0.03,  # 5 %, by the rule of three, counts as right too
        mistakes=(
            Mistake(rate / 100, "That is a share. In per cent?", 0.03),
            Mistake(3 / xrays, "That is a share. In per cent?", 0.01),
            Mistake(
                100 / xrays,
                f"With one failure in {xrays} on average, there is none in more than a third of all cases.",
            ),
            Mistake(100 * (1 - (1 - _CHANCE) ** (1 / xrays)), "The 5 % are the chance that none of them fails."),
            Mistake(100 * _CHANCE ** (1 / xrays), "That is the success rate. Its complement?", 0.005),
        ),
    )


def _turn() -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=2 * sod * math.sin(_TURN / 2),
        unit="mm",
        tolerance=0.01,
        mistakes=(
            Mistake(sid * math.tan(_TURN), "That is how far its shadow moves on the detector."),
            Mistake((sid - sod) * _TURN, "The turn is about the source. How far away is the vertebra from there?"),
            Mistake(sod * 2.0, "The angle has to be in radians."),
            Mistake(2 * sod * math.sin(1.0), "Python's sine takes radians."),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "11-published": _published,
    "11-no-failure": _no_failure,
    "11-turn": _turn,
}
VARIANTS: dict[str, Choices] = {"11-no-failure": {"xrays": (30, 40, 50, 80, 100, 120)}}
