"""Exercises of notebook 08_similarity."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..answers import Choices, Exercise, Mistake, example_distances

_DRR, _XRAY = np.array([1.0, 2, 3, 4]), (4.0, 8.0, 6.0, 10.0)


def _by_hand(xray: tuple[float, ...] = _XRAY) -> Exercise:
    pixels = np.array(xray, float)
    x, y = _DRR - _DRR.mean(), pixels - pixels.mean()
    covariance = (x * y).mean()
    ncc = covariance / (x.std() * y.std())
    raw = (_DRR * pixels).sum() / math.sqrt((_DRR**2).sum() * (pixels**2).sum())
    return Exercise(
        answer=ncc,
        unit="(no unit)",
        tolerance=0.005,
        mistakes=(
            Mistake(raw, "Take the mean off each image first: brightness must not matter."),
            Mistake(covariance, "That is the covariance. Divide by both standard deviations."),
            Mistake(ncc**2, "That is its square, the share of the variance that is explained."),
            Mistake(ncc * 3 / 4, "With n - 1 in the standard deviations divide the covariance by n - 1 as well."),
            Mistake(ncc * 4 / 3, "With n - 1 in the covariance use n - 1 in the standard deviations as well."),
            Mistake(1 - ncc, "That is the loss, 1 - NCC."),
        ),
    )


def _patches() -> Exercise:
    deviation, error = 0.2, 0.01
    number = (deviation / error) ** 2
    return Exercise(
        answer=number,
        unit="patches",
        tolerance=0.02,
        mistakes=(
            Mistake(deviation / error, "The error falls with the root of the number. So square that."),
            Mistake(deviation / error**2, "Square the deviation as well."),
            Mistake(number * 169, "That is how many rays they take. How many patches?"),
            Mistake(1 / error**2, "That would be for a deviation of 1 from patch to patch."),
            Mistake(
                math.sqrt(deviation / error), "The error falls with the root of the number: square, do not take it."
            ),
        ),
    )


def _geodesic() -> Exercise:
    sid, sod = example_distances()
    angle, shift = math.radians(4.0), 20.0
    return Exercise(
        answer=math.hypot(sid / 2 * angle, shift),
        unit="mm",
        tolerance=0.01,
        mistakes=(
            Mistake(math.hypot(sid * angle, shift), "The angle counts with half the SID."),
            Mistake(sid / 2 * angle + shift, "They add like the sides of a right angle: squares, then the root."),
            Mistake(math.hypot(sid / 2 * 4, shift), "The angle has to be in radians."),
            Mistake(math.hypot(angle, shift), "In radians the angle hardly counts: turn it into a length first."),
            Mistake(math.hypot(4, shift), "Degrees and mm do not add: turn the angle into a length first."),
            Mistake(sid / 2 * angle, "That is the angle's part. The shift counts as well."),
            Mistake(math.hypot(sod * angle, shift), "Half the SID turns the angle into a length, not the SOD."),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "08-by-hand": _by_hand,
    "08-patches": _patches,
    "08-geodesic": _geodesic,
}
VARIANTS: dict[str, Choices] = {
    "08-by-hand": {"xray": ((3, 9, 5, 11), (2, 6, 8, 7), (5, 4, 9, 12), (8, 3, 10, 11), (1, 7, 4, 9), (6, 5, 7, 13))},
}
