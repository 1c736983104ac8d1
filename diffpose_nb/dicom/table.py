"""The geometry in a header as a table, to show it in a notebook."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import pandas as pd
from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from .groups import ISOCENTER_SYSTEM, TABLE, frame_scopes
from .header import Unusable, find_numbers, find_value, quiet_pydicom, show_numbers, tag_number
from .opening import open_xray
from .pixels import count_frames

_words = re.compile(
    r"[LRPAHF]{1,3}|MONOCHROME[12]|LIN|LOG|DISP|YES|NO|STATIC|DYNAMIC|GEOMETRY|FIDUCIAL|PA|AP|LL|RL|LLO|RLO|"
    r"UNIFORM|NON_UNIFORM|CARM|COLUMN|NONE|DIRECT|SCINTILLATOR|STORAGE|FILM|DIGITAL_DETECTOR|IMG_INTENSIFIER"
)
"""The words that may be in a geometry tag. Any other text is not quoted, because it could be a patient's name that was
written to the wrong field."""


@dataclass(frozen=True)
class _Row:
    keyword: str
    unit: str
    meaning: str
    used_for: str
    always: bool = True


def _unit(keyword: str) -> str:
    return "°" if "Angle" in keyword else "mm"


_pose, _camera, _image = "pose", "camera", "pixels"
_rows = (
    _Row("DistanceSourceToDetector", "mm", "SID: from the X-ray source to the detector", _camera),
    _Row("DistanceSourceToPatient", "mm", "SOD: from the source to the patient, taken as the isocentre", _pose),
    _Row("DistanceSourceToIsocenter", "mm", "SOD of enhanced objects", _pose, False),
    _Row("EstimatedRadiographicMagnificationFactor", "", "SID / SOD", "check, or SOD where that is missing"),
    _Row("PositionerPrimaryAngle", "°", "where the detector is: + to the patient's left (LAO), - right (RAO)", _pose),
    _Row("PositionerSecondaryAngle", "°", "where the detector is: + to the head (CRA), - to the feet (CAU)", _pose),
    _Row("PositionerMotion", "", "whether the C-arm moved between frames", _pose, False),
    _Row("PositionerPrimaryAngleIncrement", "°", "a step per frame, or each frame's offset", _pose, False),
    _Row("PositionerSecondaryAngleIncrement", "°", "a step per frame, or each frame's offset", _pose, False),
    _Row("DetectorPrimaryAngle", "°", "beam against the detector's normal, along a row", "check: 0", False),
    _Row("DetectorSecondaryAngle", "°", "beam against the detector's normal, along a column", "check: 0", False),
    _Row("PatientOrientation", "", "directions in which columns and rows go", "check, and mirrored images"),
    _Row("ViewPosition", "", "the view in words", "not used", False),
    _Row("ImagerPixelSpacing", "mm", "row and column spacing at the detector", _camera),
    _Row("PixelSpacing", "mm", "row and column spacing, perhaps in a plane of the patient", "check, or last resort"),
    _Row("PixelSpacingCalibrationType", "", "how Pixel Spacing was calibrated", "reading Pixel Spacing", False),
    _Row("DetectorElementSpacing", "mm", "row and column spacing of the detector's elements", _camera, False),
    _Row("DetectorBinning", "", "elements in a pixel, down and across", _camera, False),
    _Row("PhysicalDetectorSize", "mm", "height and width of the detector", "check", False),
    _Row("PositionOfIsocenterProjection", "elements", "row and column that the isocentre projects to", _camera, False),
    _Row("FieldOfViewOrigin", "elements", "row and column at which the image starts", _camera, False),
    _Row("FieldOfViewRotation", "°", "how far the image was turned clockwise", _camera, False),
    _Row("FieldOfViewHorizontalFlip", "", "whether the image was then flipped", _camera, False),
    _Row("GeometricalProperties", "", "whether the image is free of distortion", "not used", False),
    _Row("Rows", "pixels", "height of the image", _camera),
    _Row("Columns", "pixels", "width of the image", _camera),
    _Row("NumberOfFrames", "", "images in the file", "frame=", False),
    _Row("PhotometricInterpretation", "", "MONOCHROME1: low values are bright", _image),
    _Row("PixelIntensityRelationship", "", "LIN: the beam; LOG: its logarithm; DISP: for display", _image),
    _Row("PixelIntensityRelationshipSign", "", "+1: larger values mean more beam", _image, False),
    _Row("RescaleSlope", "", "value = slope · stored + intercept", _image, False),
    _Row("RescaleIntercept", "", "value = slope · stored + intercept", _image, False),
    *(_Row(keyword, _unit(keyword), "the C-arm in the room", "not used", False) for keyword in ISOCENTER_SYSTEM),
    *(_Row(keyword, _unit(keyword), "the table", "not used", False) for keyword in TABLE),
)


@quiet_pydicom()
def describe(path: str | os.PathLike[str], *, frame: int = 0) -> pd.DataFrame:
    """A table of what an X-ray's header says about geometry, and of what is missing. It says nothing about the patient.

    Parameters
    ----------
    path
        A DICOM file of a kind that :func:`read_xray` reads. Its geometry may be missing or wrong.
    frame
        Number of the frame in a multi-frame image, counted from 0.

    Returns
    -------
    pandas.DataFrame
        One row for each tag, with the columns tag, number, value, unit, meaning, used for. Tags that every X-ray should
        have are listed even if the file lacks them: their value is then "missing" or "empty".

    Raises
    ------
    UnreadableDicom, NotAnXRay, DicomError
        For the same reasons as in :func:`read_xray`.
    """
    dataset, kind = open_xray(path)
    count_frames(path, dataset, frame)
    scopes = frame_scopes(dataset, frame)
    values = [(row, _show(scopes, row.keyword)) for row in _rows]
    table = [("SOP Class UID", tag_number("SOPClassUID"), kind, "", "the kind of object", "which tags there are")]
    table += [
        (
            dictionary_description(tag_for_keyword(row.keyword)),
            tag_number(row.keyword),
            value,
            row.unit if value not in ("missing", "empty") else "",
            row.meaning,
            row.used_for,
        )
        for row, value in values
        if row.always or value != "missing"
    ]
    return pd.DataFrame(table, columns=["tag", "number", "value", "unit", "meaning", "used for"])


def _show(scopes: list[Dataset], keyword: str) -> str:
    """A value as text: numbers, and words that may be in a geometry tag. Of other text only the length is shown."""
    try:
        value = find_value(scopes, keyword)
    except Unusable as reason:
        return str(reason)
    if value is None:
        return "empty" if any(keyword in scope for scope in scopes) else "missing"
    words = list(value) if isinstance(value, MultiValue) else [value]
    if all(isinstance(word, str) and _words.fullmatch(word.strip().upper()) for word in words):
        return "\\".join(word.strip().upper() for word in words)
    try:
        return show_numbers(find_numbers(scopes, keyword, None) or ())
    except Unusable as reason:
        return str(reason)
