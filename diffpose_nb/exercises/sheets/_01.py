"""Exercises of notebook 01_dicom_metadata."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Choices, Exercise, Mistake, example_distances


def _source_side() -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=-sod,
        unit="mm",
        mistakes=(
            Mistake(sod, "That is the patient's left. There is the detector; the tube is on the other side."),
            Mistake(sid - sod, "That is the detector's centre. The source is on the other side of the isocentre."),
            Mistake(sod - sid, "SID - SOD is from the isocentre to the detector. How far is the source?"),
            Mistake(-sid, "That is measured from the detector. The origin is the isocentre."),
            Mistake(0, "That is so at 0°, with the tube under the table. LAO 90 is a quarter turn from there."),
        ),
    )


def _export(columns: int = 160) -> Exercise:
    binned = 320 / columns
    return Exercise(
        answer=0.97 * binned,
        unit="mm",
        mistakes=(
            Mistake(0.97, f"That is what the unchanged header says: {columns} pixels of it make a part of a detector."),
            Mistake(0.97 / binned, "The other way round: fewer pixels share the same detector, so each is larger."),
            Mistake(
                0.97 * binned * 700 / 1020, "At the detector, not at the isocentre: no magnification comes into it."
            ),
            Mistake(0.97 * binned * 1020 / 700, "At the detector already: no magnification comes into it."),
        ),
    )


def _spacing(spacing: float = 0.5, sid: float = 1020, sod: float = 700) -> Exercise:
    return Exercise(
        answer=spacing * sid / sod,
        unit="mm",
        tolerance=0.005,
        mistakes=(
            Mistake(spacing, "That is in the plane of the isocentre. The camera needs it at the detector."),
            Mistake(
                spacing * sod / sid, "The other way round: at the detector, things are larger than at the isocentre."
            ),
            Mistake(
                spacing * sid / (sid - sod),
                f"The magnification is SID / SOD; {sid - sod:g} mm is from the isocentre to the detector.",
            ),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "01-source-side": _source_side,
    "01-export": _export,
    "01-spacing": _spacing,
}
VARIANTS: dict[str, Choices] = {
    "01-export": {"columns": (64, 80, 128, 160)},
    "01-spacing": {"spacing": (0.3, 0.35, 0.4, 0.45, 0.5, 0.6), "sod": (640, 660, 680, 700, 720, 740)},
}
