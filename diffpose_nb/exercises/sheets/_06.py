"""Exercises of notebook 06_xray_appearance."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..answers import Exercise, Mistake

_PHOTONS = 2e5  # per mm², the simulator's default


def _water() -> float:
    """Attenuation of water at 60 keV, 1/cm, since its density is 1 g/cm³."""
    # here, so that the other sheets do without the simulator, which takes seconds to import
    from ...simulate.physics import WATER, mass_attenuation

    return float(mass_attenuation(WATER, [60.0])[0])


def _transmission() -> Exercise:
    per_cm = _water()
    through = math.exp(-20 * per_cm)
    return Exercise(
        answer=100 * through,
        unit="%",
        tolerance=0.02,
        mistakes=(
            Mistake(through, "That is the fraction. How many per cent?"),
            Mistake(100 * (1 - through), "That is what is absorbed or scattered. The question is what comes through."),
            Mistake(100 * math.exp(-200 * per_cm), "20 cm are 200 mm, but the coefficient is per cm."),
            Mistake(100 * math.exp(-2 * per_cm), "The coefficient is per cm, and there are 20 of them."),
            Mistake(100 * 10 ** (-20 * per_cm), "The logarithm is the natural one: e, not 10."),
            Mistake(20 * per_cm, "That is the line integral. What comes through is e to the minus that."),
        ),
    )


def _dose() -> Exercise:
    return Exercise(
        answer=4 * _PHOTONS,
        unit="photons per mm²",
        mistakes=(
            Mistake(2 * _PHOTONS, "The noise grows, too, as the square root of the count: twice is not enough."),
            Mistake(math.sqrt(2) * _PHOTONS, "The other way round: the SNR grows as the square root of the count."),
            Mistake(4, "That is the factor. How many photons per mm²?"),
            Mistake(_PHOTONS / 4, "Fewer photons make more noise."),
        ),
    )


def _scatter() -> Exercise:
    per_mm = _water() / 10
    lost = math.log(1.5)
    return Exercise(
        answer=lost / per_mm,
        unit="mm",
        tolerance=0.02,
        mistakes=(
            Mistake(lost, "That is the error of the line integral. How many mm of water have that line integral?"),
            Mistake(lost / per_mm / 10, "That is in cm."),
            Mistake(-math.log(0.03) / per_mm, "That is the thickness it seems to be. How much is missing?"),
            Mistake(-math.log(0.02) / per_mm, "That is the true thickness. How much of it is missing?"),
            Mistake(-math.log(0.01) / per_mm, "Do not take the logarithm of the scatter; it is added before."),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "06-transmission": _transmission,
    "06-dose": _dose,
    "06-scatter": _scatter,
}
