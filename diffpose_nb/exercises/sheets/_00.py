"""Exercises of notebook 00_quickstart."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Exercise, Mistake, example_distances, example_spacing


def _magnification() -> Exercise:
    (sid, sod), spacing = example_distances(), example_spacing()
    return Exercise(
        answer=10 * sid / sod / spacing,
        unit="pixels",
        mistakes=(
            Mistake(
                10 / spacing, "You left out the magnification: the detector is further from the source than the rib."
            ),
            Mistake(10 * sod / sid / spacing, "You shrank the shadow: it is larger than the rib, by SID / SOD."),
            Mistake(10 * sid / sod, "That is its width in mm at the detector. How many pixels is that?"),
            Mistake(
                10 * sid / sod * spacing, "You multiplied by the pixel spacing: mm divided by mm per pixel is pixels."
            ),
        ),
    )


def _depth() -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=5,
        unit="mm",
        mistakes=(
            Mistake(5 * sid / sod, "mTRE is measured in the patient, in 3D: nothing is magnified there."),
            Mistake(
                1.2, "That is what shows at the detector. mTRE is measured in 3D, where depth counts.", tolerance=0.3
            ),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "00-magnification": _magnification,
    "00-depth": _depth,
}
