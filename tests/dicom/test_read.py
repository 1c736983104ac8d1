"""Reading: each thing that can be wrong has one clear error, and no message names the patient."""

from __future__ import annotations

import os
import traceback
import warnings
from pathlib import Path

import pydicom
import pytest
import torch
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from xa_files import assert_silent

from diffpose_nb.dicom import DicomError, DicomGeometryError, NotAnXRay, UnreadableDicom, read_xray
from diffpose_nb.frames import carm_pose


def refusal(path: Path, kind: type[DicomError], **arguments: object) -> str:
    """The message of the error; it names the file, is not chained in sight, and is silent about the patient."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(kind) as caught:
            read_xray(path, **arguments)
    message = str(caught.value)
    assert str(path) in message
    shown = "".join(traceback.format_exception(caught.value))
    assert_silent(message, shown)
    assert "direct cause" not in shown
    return message


def test_a_plain_file(xa) -> None:
    xray = read_xray(xa())
    assert xray.camera.sid == 1000
    assert xray.camera.pixel_spacing == (0.5, 0.4)
    assert xray.camera.principal_point == (4.5, 5.5)
    torch.testing.assert_close(xray.world_from_camera, carm_pose(30, 20, 700))
    assert xray.pixels.dtype == torch.float32
    assert (xray.relationship, xray.sign) == ("LIN", 1)
    assert xray.true_world_from_camera is None
    notes = "\n".join(xray.notes)
    for assumption in ("isocentre is taken to be the world's origin", "Distance Source to Patient", "centre of the im"):
        assert assumption in notes
    assert_silent(notes, repr(xray))


@pytest.mark.parametrize(
    ("tag", "argument", "number"),
    [
        ("DistanceSourceToDetector", "sid", "(0018,1110)"),
        ("DistanceSourceToPatient", "sod", "(0018,1111)"),
        ("PositionerPrimaryAngle", "primary", "(0018,1510)"),
        ("PositionerSecondaryAngle", "secondary", "(0018,1511)"),
        ("ImagerPixelSpacing", "pixel_spacing", "(0018,1164)"),
    ],
)
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (None, "is missing"),
        (b"", "is missing"),
        (b"NaN ", "is nan"),
        (b"inf ", "is inf"),
        (b"1e9 ", "is 1000000000"),
        (b"-1e9", "is -1000000000"),
        (b"1\\2\\3 ", "is 1\\2\\3: 3 values where"),
        (b"about a metre ", "characters, not a number"),
        (b"Zebedee^Quillfeather", "of 20 characters, not a number"),
    ],
)
def test_each_unusable_tag_is_named_with_its_argument(xa, tag, argument, number, bad, words) -> None:
    def spoil(dataset: pydicom.Dataset) -> None:
        del dataset[tag]
        if bad is not None:
            twice = tag == "ImagerPixelSpacing" and bad.strip() and b"\\" not in bad
            raw = bad.strip() + b"\\" + bad.strip() if twice else bad
            raw += b" " * (len(raw) % 2)
            key = pydicom.tag.Tag(tag)
            dataset[key] = RawDataElement(key, "DS", len(raw), raw, 0, False, True)

    message = refusal(xa(spoil, EstimatedRadiographicMagnificationFactor=None), DicomGeometryError)
    line = next(line for line in message.splitlines() if number in line)
    line = line.replace("NaN", "nan")
    assert f"{argument}=" in line
    assert words in line or (argument == "pixel_spacing" and words.removeprefix("is ") in line)


@pytest.mark.parametrize("representation", ["LO", "PN", "DA", "OB", "SQ"])
def test_numbers_of_another_type_are_not_numbers(xa, representation: str) -> None:
    contents = {"OB": b"1000", "SQ": [pydicom.Dataset()], "DA": "19610417"}

    def spoil(dataset: pydicom.Dataset) -> None:
        value = contents.get(representation, "1000")
        dataset.add(pydicom.DataElement("DistanceSourceToDetector", representation, value))

    message = refusal(xa(spoil), DicomGeometryError)
    assert f"(0018,1110) is stored as {representation}, which is not a type for numbers. Pass sid=" in message


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"DistanceSourceToDetector": "0"}, "is 0: not between 300 and 4000 mm. Pass sid="),
        ({"DistanceSourceToDetector": "-1000"}, "is -1000"),
        ({"DistanceSourceToDetector": "299"}, "is 299"),
        ({"DistanceSourceToDetector": "4001"}, "is 4001"),
        ({"DistanceSourceToPatient": "0"}, "is 0: not between"),
        ({"DistanceSourceToPatient": "-700"}, "is -700"),
        ({"DistanceSourceToPatient": "1000"}, "not less than the distance from source to detector, 1000"),
        ({"PositionerPrimaryAngle": "180.5"}, "is 180.5: not between -180 and 180 degrees"),
        ({"PositionerSecondaryAngle": "-91"}, "is -91: not between -90 and 90 degrees"),
        ({"ImagerPixelSpacing": ["0", "0.4"]}, "is 0\\0.4"),
        ({"ImagerPixelSpacing": ["0.5", "-0.4"]}, "is 0.5\\-0.4"),
        ({"ImagerPixelSpacing": ["5.1", "0.4"]}, "5 mm"),
        ({"ImagerPixelSpacing": "0.5"}, "1 value where 2 are needed"),
        ({"EstimatedRadiographicMagnificationFactor": "1.1"}, "Magnification Factor (0018,1114) is 1.1, but SID / SOD"),
        ({"PixelSpacing": ["0.9", "0.7"]}, "no plane between source and detector"),
        ({"DetectorPrimaryAngle": "10"}, "Detector Primary Angle (0018,1530) is 10"),
    ],
)
def test_implausible_and_contradictory_values(xa, tags: dict, words: str) -> None:
    assert words in refusal(xa(**tags), DicomGeometryError)


def test_all_problems_come_in_one_error(xa) -> None:
    path = xa(DistanceSourceToDetector="0", PositionerPrimaryAngle=None, ImagerPixelSpacing=None)
    with pytest.raises(DicomGeometryError) as caught:
        read_xray(path)
    assert len(caught.value.problems) == 3
    assert all(name in str(caught.value) for name in ("sid=", "primary=", "pixel_spacing="))


def test_arguments_supply_what_is_missing_and_mend_what_is_wrong(xa) -> None:
    path = xa(
        DistanceSourceToDetector="0",
        DistanceSourceToPatient=None,
        PositionerPrimaryAngle="999",
        PositionerSecondaryAngle=None,
        ImagerPixelSpacing=None,
        EstimatedRadiographicMagnificationFactor=None,
    )
    angles = {"primary": -10, "secondary": 5}
    xray = read_xray(path, sid=1100, sod=800, **angles, pixel_spacing=(0.3, 0.2), principal_point=(4, 5))
    assert (xray.camera.sid, xray.camera.pixel_spacing, xray.camera.principal_point) == (1100, (0.3, 0.2), (4, 5))
    torch.testing.assert_close(xray.world_from_camera, carm_pose(-10, 5, 800))
    for name in ("sid=1100", "sod=800", "primary=-10", "secondary=5", "pixel_spacing=0.3\\0.2", "principal_point="):
        assert any(name in note for note in xray.notes), name


def test_an_argument_wins_and_the_contradiction_is_noted(xa) -> None:
    path = xa()
    xray = read_xray(path, sid=1010, primary=31)
    assert xray.camera.sid == 1010
    torch.testing.assert_close(xray.world_from_camera, carm_pose(31, 20, 700))
    against = [note for note in xray.notes if "against the file" in note]
    assert len(against) == 2
    assert "sid=1010 mm" in against[0] and "(0018,1110) is 1000" in against[0]
    assert read_xray(path, sid=1000).notes == read_xray(path).notes
    assert any("not used, since sid was given" in note for note in read_xray(path, sid=1200).notes)
    assert any("not used, since sod was given" in note for note in read_xray(path, sod=600).notes)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ({"sid": float("nan")}, "argument sid is nan"),
        ({"sid": 0}, "argument sid is 0"),
        ({"sod": 2000}, "not less than"),
        ({"secondary": 100}, "argument secondary is 100"),
        ({"pixel_spacing": 0.3}, "argument pixel_spacing is 0.3: pass 2 numbers"),
        ({"pixel_spacing": (0.3, -0.3)}, "argument pixel_spacing"),
        ({"principal_point": (1, 2, 3)}, "argument principal_point"),
        ({"sid": "far"}, "argument sid is 'far'"),
    ],
)
def test_arguments_are_checked_too(xa, argument: dict, words: str) -> None:
    assert words in refusal(xa(), DicomGeometryError, **argument)


def test_pixel_spacing_in_the_patient_is_not_used(xa) -> None:
    xray = read_xray(xa(PixelSpacing=["0.35", "0.28"], PixelSpacingCalibrationType="GEOMETRY"))
    assert xray.camera.pixel_spacing == (0.5, 0.4)
    assert any("Pixel Spacing (0028,0030) is 0.35\\0.28 mm: calibrated" in note for note in xray.notes)


def test_source_to_isocentre_from_the_magnification(xa) -> None:
    xray = read_xray(xa(DistanceSourceToPatient=None))
    torch.testing.assert_close(xray.world_from_camera, carm_pose(30, 20, 700))
    assert any("taken as SID / Estimated Radiographic Magnification Factor" in note for note in xray.notes)
    path = xa(DistanceSourceToPatient=None, EstimatedRadiographicMagnificationFactor="0")
    assert "(0018,1114) is 0" in refusal(path, DicomGeometryError)


def test_files_that_are_none(tmp_path: Path, xa) -> None:
    assert "no such file" in refusal(tmp_path / "missing.dcm", UnreadableDicom)
    assert "folder" in refusal(tmp_path, UnreadableDicom)
    (tmp_path / "empty.dcm").write_bytes(b"")
    assert "is empty" in refusal(tmp_path / "empty.dcm", UnreadableDicom)
    (tmp_path / "text.dcm").write_text("PatientName: Zebedee^Quillfeather\n" * 50)
    assert "not a DICOM file" in refusal(tmp_path / "text.dcm", UnreadableDicom)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert "no ordinary file" in refusal(tmp_path / "pipe", UnreadableDicom)
    with pytest.raises(UnreadableDicom):
        read_xray("a\0b")


def test_a_file_cut_anywhere_is_refused(xa) -> None:
    path = xa()
    whole = path.read_bytes()
    for length in [100, 131, 140, 200, 400, len(whole) // 2, len(whole) - 200, len(whole) - 100, len(whole) - 1]:
        path.write_bytes(whole[:length])
        refusal(path, DicomError)
    path.write_bytes(whole[:-101])
    assert "cut off" in refusal(path, UnreadableDicom)


def test_dicom_of_other_things() -> None:
    assert "CT Image Storage, not a C-arm projection" in refusal(get_testdata_file("CT_small.dcm"), NotAnXRay)
    assert "MR Image Storage" in refusal(get_testdata_file("MR_small.dcm"), NotAnXRay)


def test_no_pixels_no_kind_and_mammograms(xa) -> None:
    assert "no Pixel Data (7FE0,0010)" in refusal(xa(PixelData=None), UnreadableDicom)

    def remove_kind(dataset: pydicom.Dataset) -> None:
        del dataset.file_meta.MediaStorageSOPClassUID
        del dataset.SOPClassUID

    path = xa(SOPClassUID="1.2.3.4.5")
    assert "an unknown kind" in refusal(path, NotAnXRay)
    assert "mammography stand" in refusal(xa(Modality="MG"), NotAnXRay)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"Rows": 6}, "Pixel Data (7FE0,0010) has 240 bytes"),
        ({"Rows": None}, "Rows (0028,0010) is missing"),
        ({"Columns": 0}, "Columns (0028,0011) is 0"),
        ({"BitsAllocated": 8}, "The file was cut off or its header changed"),
        ({"SamplesPerPixel": 3}, "colour"),
        ({"NumberOfFrames": "0"}, "Number of Frames (0028,0008) is 0"),
        ({"RescaleSlope": "0", "RescaleIntercept": "0"}, "Rescale Slope (0028,1053) is 0"),
    ],
)
def test_pixels_that_do_not_fit(xa, tags: dict, words: str) -> None:
    assert words in refusal(xa(**tags), UnreadableDicom)


@pytest.mark.parametrize("frame", [1, -1, 0.5, "first", True])
def test_frames_that_are_not_there(xa, frame: object) -> None:
    assert "the file has 1 frame" in refusal(xa(), DicomError, frame=frame)


def test_rescale_and_relationship(xa) -> None:
    plain = read_xray(xa())
    scaled = read_xray(xa(RescaleSlope="2", RescaleIntercept="-5", PixelIntensityRelationship="LOG"))
    torch.testing.assert_close(scaled.pixels, 2 * plain.pixels - 5)
    assert scaled.relationship == "LOG"
    unknown = read_xray(xa(PixelIntensityRelationship=None))
    assert unknown.relationship == "DISP"
    assert any("Pixel Intensity Relationship (0028,1040) is missing" in note for note in unknown.notes)
