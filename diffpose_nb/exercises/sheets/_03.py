"""Exercises of notebook 03_frame_conventions."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Exercise, Mistake


def _lps_to_world() -> Exercise:
    return Exercise(
        answer=-(40 - 20),
        unit="mm",
        tolerance=1e-3,
        mistakes=(
            Mistake(40 - 20, "The origin is right, the axis is not: y runs to the back in LPS, to the front in RAS."),
            Mistake(-40, "The axis is right, the origin is not: our world begins in the middle of the CT."),
            Mistake(40, "That is the tracker's number. Move the origin to the middle of the CT, and turn y round."),
            Mistake(-(40 + 20), "Subtract the middle of the CT before you turn the axis, not after."),
            Mistake(40 + 20, "Subtract the middle of the CT, and turn y round."),
            Mistake(5 + 12.5, "That is x. The question is about y."),
        ),
    )


def _tvec() -> Exercise:
    return Exercise(
        answer=50,
        unit="mm",
        tolerance=1e-3,
        mistakes=(
            Mistake(-50, "The camera's y runs to the feet, and that is where the origin is from the isocentre."),
            Mistake(0, "That is the isocentre's. tvec is where the world's origin is, the middle of the CT."),
            Mistake(700, "That is the third number, along the beam."),
            Mistake(650, "Depth does not change: the shift is across the beam."),
            Mistake(-700, "That is the source, in the world. tvec is the world's origin, in the camera."),
        ),
    )


def _diffpose_source() -> Exercise:
    f, shift = 1020, 190
    return Exercise(
        answer=f / 2 + shift,
        unit="mm",
        tolerance=1e-3,
        mistakes=(
            Mistake(f / 2, "That is before the shift, which takes the whole camera further to the back."),
            Mistake(f / 2 - shift, "The volume's y runs to the patient's back, like LPS: the shift adds."),
            Mistake(shift, "That is where the point half-way between source and detector is. The source is at f/2."),
            Mistake(f + shift, "The source starts at f/2, not at f: the origin is half-way to the detector."),
            Mistake(-(f / 2 + shift), "The right number, towards the front. Which way does y run in LPS?"),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "03-lps-to-world": _lps_to_world,
    "03-tvec": _tvec,
    "03-diffpose-source": _diffpose_source,
}
