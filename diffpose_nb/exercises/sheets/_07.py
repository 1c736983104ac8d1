"""Exercises of notebook 07_pose_gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..answers import Choices, Exercise, Mistake, example_distances

_SPACING = 0.97  # mm, pixel spacing of the example X-ray
_OFF_AXIS = 60.0  # mm, distance from the optical axis in the patient


def _depth_shift(off_axis: float = _OFF_AXIS) -> Exercise:
    sid, sod = example_distances()
    before, after = sid * off_axis / sod, sid * off_axis / (sod - 1)
    return Exercise(
        answer=(after - before) / _SPACING,
        unit="pixels",
        tolerance=0.02,
        mistakes=(
            Mistake(sid / sod / _SPACING, "That is for 1 mm across the beam. Along it only the magnification changes."),
            Mistake(after - before, "That is in mm at the detector. How many pixels is it?"),
            Mistake(off_axis / sod, "That is in mm in the patient. Magnify it, and turn it into pixels."),
            Mistake(off_axis / sod / _SPACING, "The shadow is magnified by SID/SOD."),
            Mistake(before / _SPACING, "That is where the shadow is. By how much does it move?"),
            Mistake((before - after) / _SPACING, "The right size. Nearer to the source, shadows grow."),
        ),
    )


def _roll(off_axis: float = _OFF_AXIS) -> Exercise:
    sid, sod = example_distances()
    angle = math.degrees(1 / off_axis)
    return Exercise(
        answer=angle,
        unit="degrees",
        tolerance=0.02,
        mistakes=(
            Mistake(1 / off_axis, "That is in radians."),
            Mistake(1000 / off_axis, "That is in thousandths of a radian."),
            Mistake(angle * sod / sid, "Magnification applies to both motions alike, and cancels."),
            Mistake(angle * sid / sod, "Magnification applies to both motions alike, and cancels."),
            Mistake(math.degrees(1 / sod), "That is a turn about the source. Roll turns about the beam.", 0.005),
        ),
    )


def _second_view(angle: float = 30) -> Exercise:
    across, along = 1 / 0.1**2, 1 / 2.0**2  # information of one view, 1/mm²
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    x = across + across * cosine**2 + along * sine**2
    depth = along + across * sine**2 + along * cosine**2
    both = (across - along) * sine * cosine
    return Exercise(
        answer=math.sqrt(x / (x * depth - both**2)),
        unit="mm",
        tolerance=0.02,
        mistakes=(
            Mistake(1 / math.sqrt(depth), "That holds if x were known. Both are unknown: invert the 2 × 2 matrix."),
            Mistake(2 / math.sqrt(2), "That is a second exposure of the same view. The second view sees from aside."),
            Mistake(1 / math.sqrt(along + across), "That is for a second view at 90°.", 0.003),
            Mistake(math.sqrt(depth / (x * depth - both**2)), "That is how well x is known.", 0.003),
            Mistake(x / (x * depth - both**2), "That is the variance, in mm². Take its root."),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "07-depth-shift": _depth_shift,
    "07-roll": _roll,
    "07-second-view": _second_view,
}
VARIANTS: dict[str, Choices] = {
    "07-depth-shift": {"off_axis": (35, 45, 50, 70, 80, 90)},
    "07-roll": {"off_axis": (35, 45, 50, 70, 80, 90)},
    "07-second-view": {"angle": (20, 25, 35, 38, 40)},
}
