"""The table of a header: geometry, what is missing, and nobody's name."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from xa_files import SECRETS, assert_silent, make_xray

from diffpose_nb.dicom import DicomError, NotAnXRay, describe, write_xray


def test_a_plain_header(xa) -> None:
    table = describe(xa())
    assert list(table.columns) == ["tag", "number", "value", "unit", "meaning", "used for"]
    row = table.set_index("number").loc["(0018,1110)"]
    assert (row["tag"], row["value"], row["unit"]) == ("Distance Source to Detector", "1000", "mm")
    values = table.set_index("tag")["value"]
    assert values["Imager Pixel Spacing"] == "0.5\\0.4"
    assert values["Patient Orientation"] == "LP\\FAL"
    assert values["Pixel Spacing"] == "missing"
    assert_silent(table.to_string())


def test_what_is_missing_empty_wrong_or_astray(xa) -> None:
    def stray(dataset: pydicom.Dataset) -> None:
        dataset.add(pydicom.DataElement("DistanceSourceToPatient", "LO", "Zebedee^Quillfeather"))
        dataset.add(pydicom.DataElement("PositionerMotion", "LO", "QUILLFEATHER"))

    table = describe(xa(stray, DistanceSourceToDetector=None, PositionerPrimaryAngle=""))
    values = table.set_index("tag")["value"]
    assert values["Distance Source to Detector"] == "missing"
    assert values["Positioner Primary Angle"] == "empty"
    assert values["Distance Source to Patient"] == "stored as LO, which is not a type for numbers"
    assert not [secret for secret in SECRETS if secret.lower() in table.to_string().lower()]


def test_enhanced_objects_are_read_where_they_keep_it(tmp_path: Path) -> None:
    write_xray(tmp_path / "enhanced.dcm", make_xray(), "Enhanced XA")
    values = describe(tmp_path / "enhanced.dcm").set_index("tag")["value"]
    assert values["SOP Class UID"] == "Enhanced XA"
    assert values["Distance Source to Isocenter"] == "700"
    assert values["Positioner Primary Angle"] == "30"
    assert values["Table Z Position to Isocenter"] == "0"


def test_it_refuses_what_reading_refuses(xa, tmp_path: Path) -> None:
    with pytest.raises(NotAnXRay):
        describe(get_testdata_file("CT_small.dcm"))
    with pytest.raises(DicomError, match="no such file"):
        describe(tmp_path / "none.dcm")
    with pytest.raises(DicomError, match="1 frame"):
        describe(xa(), frame=1)
