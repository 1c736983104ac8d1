"""Exercises of notebook 04_pose_from_dicom."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..answers import Choices, Exercise, Mistake, example_distances


def _source_height(primary: float = -35, secondary: float = -15, sod: float | None = None) -> Exercise:
    sid, example_sod = example_distances()
    sod = example_sod if sod is None else sod
    alpha, beta = math.radians(primary), math.radians(secondary)
    height = sod * math.cos(alpha) * math.cos(beta)
    # only of the book's question: among a student's numbers there are some beside the example's
    misread = Mistake(
        sod * math.cos(math.radians(20)) * math.cos(math.radians(10)),
        "That is the example's view, LAO 20 and CRA 10. Here it is RAO 35 and CAU 15.",
    )
    example = [misread] if (primary, secondary) == (-35, -15) else []
    return Exercise(
        answer=height,
        unit="mm",
        mistakes=(
            Mistake(-height, "The right number, towards the front. The angles say where the detector is."),
            Mistake(sod, "That is its distance along the beam. The beam is oblique: cos α cos β of it go backwards."),
            Mistake(sod * math.cos(alpha), "You left out the secondary angle: the tilt takes another cos β."),
            Mistake(sod * math.cos(beta), "You left out the primary angle: the swing takes another cos α."),
            Mistake(height * (sid - sod) / sod, "That is the detector, in front. The source is on the other side."),
            *example,
            Mistake(sod * math.cos(primary) * math.cos(secondary), "Degrees went into a cosine that takes radians."),
        ),
    )


def _angle_sign(primary: float = 20, secondary: float = 10) -> Exercise:
    _, sod = example_distances()
    alpha, beta = math.radians(primary), math.radians(secondary)
    return Exercise(
        answer=2 * sod * math.sin(alpha) * math.cos(beta),
        unit="mm",
        mistakes=(
            Mistake(sod * math.sin(alpha) * math.cos(beta), "That is from the middle to one of the two; double it."),
            Mistake(2 * sod * math.sin(alpha), "You left out the tilt: the circle it swings on has radius SOD cos β."),
            Mistake(2 * sod * alpha, "That is along the arc. Distance is straight, and the tilt counts too."),
            Mistake(0, "The angle has changed, so the source has: the C-arm leans to the patient's other side."),
        ),
    )


def _wrong_side() -> Exercise:
    sid, sod = example_distances()
    right, wrong = sid * 40 / (sod + 60), sid * 40 / (sod - 60)
    return Exercise(
        answer=wrong - right,
        unit="mm",
        mistakes=(
            Mistake(0, "The picture looks right, but only for points at the isocentre's depth."),
            Mistake(right, "That is where the shadow belongs. How far from it does the recipe put it?"),
            Mistake(wrong, "That is where the recipe puts the shadow. How far is that from where it belongs?"),
            Mistake((wrong - right) / 2, "Half of it: z has the wrong sign in the recipe, it is not left out."),
            Mistake(
                (wrong - right) * sod / sid, "That is scaled back to the isocentre; the question is at the detector."
            ),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "04-source-height": _source_height,
    "04-angle-sign": _angle_sign,
    "04-wrong-side": _wrong_side,
}
VARIANTS: dict[str, Choices] = {
    "04-source-height": {
        "primary": (19, 24, 27, 33, 38, 41),
        "secondary": (9, 11, 13, 21),
        "sod": (660, 690, 715, 730),
    },
    "04-angle-sign": {"primary": (18, 22, 26, 31), "secondary": (12, 16, 21, 27)},
}
