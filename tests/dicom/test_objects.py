"""The objects beside plain XA: where they keep their geometry, and what stands in where it is missing."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from xa_files import make_xray

from diffpose_nb.camera import Camera
from diffpose_nb.dicom import DicomGeometryError, read_xray, write_xray
from diffpose_nb.frames import carm_pose
from diffpose_nb.images import XRay

KINDS = {
    "XRF": "1.2.840.10008.5.1.4.1.1.12.2",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "DX for processing": "1.2.840.10008.5.1.4.1.1.1.1.1",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_plain_objects(xa, kind: str) -> None:
    xray = read_xray(xa(SOPClassUID=KINDS[kind]))
    torch.testing.assert_close(xray.world_from_camera, carm_pose(30, 20, 700))
    assert xray.camera == Camera(1000, (0.5, 0.4), (12, 10))


def test_radiography_without_angles_hints_at_the_view(xa) -> None:
    path = xa(SOPClassUID=KINDS["CR"], PositionerPrimaryAngle=None, PositionerSecondaryAngle=None, ViewPosition="AP")
    with pytest.raises(DicomGeometryError, match=r"View Position \(0018,5101\) is AP, for which primary=180"):
        read_xray(path)
    xray = read_xray(path, primary=180, secondary=0)
    torch.testing.assert_close(xray.world_from_camera, carm_pose(180, 0, 700))


ANGLES = st.floats(-180, 180), st.floats(-89, 89)
MM = st.floats(0.05, 1.0)


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(["XA", "DX", "Enhanced XA"]),
    angles=st.tuples(*ANGLES),
    sid=st.floats(400, 2000),
    ratio=st.floats(0.4, 0.9),
    spacing=st.tuples(MM, MM),
    shape=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    where=st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
)
def test_any_geometry_comes_back(tmp_path_factory, kind, angles, sid, ratio, spacing, shape, where) -> None:
    """Random geometry in each object, written, read, the same: to the last pixel's projection."""
    rows, columns = shape
    point = (where[0] * columns, where[1] * rows) if kind == "Enhanced XA" else None
    camera = Camera(sid, spacing, shape, point)
    xray = XRay(torch.zeros(shape), camera, carm_pose(*angles, max(ratio * sid, 150)))
    path = tmp_path_factory.mktemp("any") / "xray.dcm"
    write_xray(path, xray, kind)
    back = read_xray(path)
    points = torch.tensor([[30.0, -20, 10], [-40, 5, -60], [1, 50, 20]], dtype=torch.float64)
    expected = camera.project(points, xray.world_from_camera)
    found = back.camera.project(points, back.world_from_camera)
    assert (found - expected).abs().max().item() < (1e-3 if kind == "Enhanced XA" else 1e-6)
    assert back.camera.shape == shape


def spoilt(tmp_path: Path, **tags: object) -> Path:
    """An Enhanced XA file of which top-level tags were set, or deleted with None."""
    path = tmp_path / "enhanced.dcm"
    write_xray(path, make_xray(camera=Camera(1000, (0.5, 0.4), (12, 10), (3.2, 6.1))), "Enhanced XA")
    dataset = pydicom.dcmread(path)
    for keyword, value in tags.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


def test_enhanced_keeps_the_principal_point_and_shows_the_room(tmp_path: Path) -> None:
    xray = read_xray(spoilt(tmp_path))
    assert xray.camera.principal_point == pytest.approx((3.2, 6.1), abs=1e-5)
    notes = "\n".join(xray.notes)
    assert "Position of Isocenter Projection (0018,9430)" in notes
    assert "does not use the room's frame or the table: Positioner Isocenter Primary Angle (0018,9463) 30" in notes


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"PositionOfIsocenterProjection": [0.0, 0.0]}, "too far off to be so"),
        ({"PositionOfIsocenterProjection": [900.0, 4.0]}, "too far off to be so"),
        ({"PositionOfIsocenterProjection": [-3.0, 4.0]}, "is -3\\4: not between"),
        ({"PositionOfIsocenterProjection": [float("nan"), 4.0]}, "(0018,9430) is nan\\4"),
        ({"DetectorElementSpacing": None, "DetectorBinning": None}, "(0018,7022) is missing"),
        ({"DetectorElementSpacing": ["0.001", "0.4"], "DetectorBinning": None}, "(0018,7022) is missing or unusable"),
        ({"DetectorElementSpacing": ["0.006", "0.4"]}, "one of them is wrong"),
        ({"PerFrameFunctionalGroupsSequence": None}, "(0018,1510) is missing"),
    ],
)
def test_enhanced_geometry_that_cannot_be(tmp_path: Path, tags: dict, words: str) -> None:
    with pytest.raises(DicomGeometryError) as caught:
        read_xray(spoilt(tmp_path, **tags))
    assert words in str(caught.value)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["NO", "YES"])
def test_the_isocentre_follows_binning_rotation_and_flip(tmp_path: Path, rotation: int, flip: str) -> None:
    """A detector whose one bright element is where the isocentre projects to, read out as a device would."""
    binning, origin = (3, 2), (6, 4)
    elements = np.zeros((60, 50))
    position = (origin[0] + 5 * binning[0], origin[1] + 7 * binning[1])  # the first element of pixel (row 5, column 7)
    elements[position] = 600
    region = elements[origin[0] : origin[0] + 36, origin[1] : origin[1] + 20]
    image = region.reshape(12, 3, 10, 2).sum((1, 3))
    image = np.rot90(image, -rotation // 90)
    spacing = (0.3, 0.2) if rotation in (0, 180) else (0.2, 0.3)
    if flip == "YES":
        image = image[:, ::-1]
    path = tmp_path / "enhanced.dcm"
    camera = Camera(1000, spacing, image.shape)
    write_xray(path, make_xray(camera=camera, pixels=torch.from_numpy(image.copy())), "Enhanced XA")
    dataset = pydicom.dcmread(path)
    middle = [position[0] + (binning[0] - 1) / 2, position[1] + (binning[1] - 1) / 2]
    dataset.PositionOfIsocenterProjection = middle
    dataset.DetectorElementSpacing, dataset.DetectorBinning = ["0.1", "0.1"], ["3", "2"]
    view = dataset.SharedFunctionalGroupsSequence[0].FieldOfViewSequence[0]
    view.FieldOfViewOrigin = [str(n) for n in origin]
    view.FieldOfViewRotation, view.FieldOfViewHorizontalFlip = str(rotation), flip
    dataset.save_as(path)
    xray = read_xray(path)
    column, row = xray.camera.principal_point
    assert (column, row) == pytest.approx((round(column), round(row)), abs=1e-5)
    assert xray.pixels[round(row), round(column)] == 600
    torch.testing.assert_close(
        xray.camera.project(torch.zeros(1, 3), xray.world_from_camera)[0], torch.tensor([column, row]).double()
    )


def test_a_missing_origin_is_noted_or_refused(tmp_path: Path) -> None:
    def without_origin(path: Path, size: list[float]) -> Path:
        dataset = pydicom.dcmread(path)
        del dataset.SharedFunctionalGroupsSequence[0].FieldOfViewSequence[0].FieldOfViewOrigin
        dataset.PhysicalDetectorSize = size
        dataset.save_as(path)
        return path

    xray = read_xray(without_origin(spoilt(tmp_path), [6.0, 4.0]))
    assert any("Field of View Origin (0018,7030) is missing" in note for note in xray.notes)
    with pytest.raises(DicomGeometryError, match="not the whole detector"):
        read_xray(without_origin(spoilt(tmp_path), [300.0, 400.0]))


def test_spacing_from_the_detectors_elements(xa) -> None:
    xray = read_xray(xa(ImagerPixelSpacing=None, DetectorElementSpacing=["0.25", "0.1"], DetectorBinning=["2", "4"]))
    assert xray.camera.pixel_spacing == (0.5, 0.4)
    assert any("times Detector Binning (0018,701A)" in note for note in xray.notes)


def test_spacing_from_the_patients_plane(xa) -> None:
    calibrated = {"ImagerPixelSpacing": None, "PixelSpacing": ["0.35", "0.28"]}
    for kind in ("GEOMETRY", "FIDUCIAL"):
        xray = read_xray(xa(**calibrated, PixelSpacingCalibrationType=kind))
        assert xray.camera.pixel_spacing == pytest.approx((0.5, 0.4))
        assert any(f"calibrated ({kind})" in note for note in xray.notes)
    with pytest.raises(DicomGeometryError) as caught:
        read_xray(xa(**calibrated))
    assert "cannot be known" in str(caught.value)
    assert "pixel_spacing=(0.35, 0.28) if at the detector, (0.5, 0.4) if in the plane" in str(caught.value)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"PatientOrientation": ["F", "L"]}, "the image was rotated"),
        ({"PatientOrientation": ["R", "H"]}, "the image was rotated"),
        ({"PatientOrientation": ["H", "A"]}, "the image was rotated"),
    ],
)
def test_rotated_images_are_refused_unless_the_angles_are_given(xa, tags: dict, words: str) -> None:
    with pytest.raises(DicomGeometryError, match=words):
        read_xray(xa(**tags))
    xray = read_xray(xa(**tags), primary=30, secondary=20)
    assert any("not used, since the angles were given" in note for note in xray.notes)


@pytest.mark.parametrize("letters", [["LEFT", "FOOT"], ["L"], ["Zebedee^Quillfeather", "X"]])
def test_orientations_that_say_nothing_are_noted(xa, letters: list[str]) -> None:
    def strange(dataset: pydicom.Dataset) -> None:
        dataset.add(pydicom.DataElement("PatientOrientation", "LO", letters))

    notes = "\n".join(read_xray(xa(strange)).notes)
    assert "Patient Orientation (0020,0020)" in notes and "not used" in notes
    assert "Zebedee" not in notes
    assert any("(0020,0020) is missing" in note for note in read_xray(xa(PatientOrientation=None)).notes)


@pytest.mark.parametrize(
    ("tags", "frame", "words"),
    [
        ({"PositionerMotion": "DYNAMIC"}, 1, "the C-arm moved between frames"),
        ({"PositionerPrimaryAngleIncrement": ["1", "2", "3"]}, 0, "3 value(s)"),
        ({"PositionerPrimaryAngleIncrement": "900"}, 0, "within 360 degrees"),
        ({"PositionerMotion": "STATIC", "PositionerPrimaryAngleIncrement": "2"}, 1, "is STATIC"),
        (
            {"PositionerMotion": "DYNAMIC", "PositionerSecondaryAngleIncrement": ["0", "80"]},
            1,
            "100 degrees at frame 1",
        ),
    ],
)
def test_increments_that_cannot_be(xa, tags: dict, frame: int, words: str) -> None:
    path = xa(**{"PositionerMotion": None, "NumberOfFrames": 2, "PixelData": bytes(480)} | tags)
    with pytest.raises(DicomGeometryError) as caught:
        read_xray(path, frame=frame)
    assert words in str(caught.value)
    read_xray(path, frame=frame, primary=1, secondary=2)


def test_a_second_frame_of_which_nothing_is_said_is_noted(xa) -> None:
    path = xa(PositionerMotion=None, NumberOfFrames=2, PixelData=bytes(480), PatientOrientation=None)
    assert any("taken to be at frame 1 where it was at the first" in note for note in read_xray(path, frame=1).notes)


def test_each_frame_of_an_enhanced_object_has_its_own_angles(tmp_path: Path) -> None:
    path = spoilt(tmp_path)
    dataset = pydicom.dcmread(path)
    first = dataset.PerFrameFunctionalGroupsSequence[0]
    second = copy.deepcopy(first)
    second.PositionerPositionSequence[0].PositionerPrimaryAngle = "-70"
    del second.PatientOrientationInFrameSequence
    dataset.PerFrameFunctionalGroupsSequence = [first, second]
    dataset.NumberOfFrames = 2
    dataset.PixelData = dataset.PixelData * 2
    dataset.save_as(path)
    torch.testing.assert_close(read_xray(path, frame=0).world_from_camera, carm_pose(30, 20, 700))
    torch.testing.assert_close(read_xray(path, frame=1).world_from_camera, carm_pose(-70, 20, 700))
    dataset.PerFrameFunctionalGroupsSequence = [first]
    dataset.save_as(path)
    with pytest.raises(DicomGeometryError, match=r"\(0018,1510\) is missing"):
        read_xray(path, frame=1)


def test_a_principal_point_that_is_given_wins(tmp_path: Path) -> None:
    xray = read_xray(spoilt(tmp_path), principal_point=(4, 5))
    assert xray.camera.principal_point == (4, 5)
    assert any("against the file's Position of Isocenter Projection (0018,9430)" in note for note in xray.notes)
