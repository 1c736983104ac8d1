"""Exercises of notebook 01_dicom_metadata."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Exercise, Mistake, example_distances


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


def _export() -> Exercise:
    return Exercise(
        answer=1.94,
        unit="mm",
        mistakes=(
            Mistake(0.97, "That is what the unchanged header says: 160 pixels of it make half a detector."),
            Mistake(0.485, "The other way round: fewer pixels share the same detector, so each is larger."),
            Mistake(1.94 * 700 / 1020, "At the detector, not at the isocentre: no magnification comes into it."),
            Mistake(1.94 * 1020 / 700, "At the detector already: no magnification comes into it."),
        ),
    )


def _spacing() -> Exercise:
    return Exercise(
        answer=0.5 * 1020 / 700,
        unit="mm",
        tolerance=0.005,
        mistakes=(
            Mistake(0.5, "That is in the plane of the isocentre. The camera needs it at the detector."),
            Mistake(0.5 * 700 / 1020, "The other way round: at the detector, things are larger than at the isocentre."),
            Mistake(0.5 * 1020 / 320, "The magnification is SID / SOD; 320 mm is from the isocentre to the detector."),
        ),
    )


EXERCISES: dict[str, Callable[[], Exercise]] = {
    "01-source-side": _source_side,
    "01-export": _export,
    "01-spacing": _spacing,
}
