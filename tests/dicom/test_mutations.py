"""Two thousand spoilt files: the same geometry, a noted fallback, or one of our errors; never anything else."""

from __future__ import annotations

import random
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
import torch
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from xa_files import PATIENT, assert_silent, make_xray

from diffpose_nb.camera import Camera
from diffpose_nb.dicom import DicomError, describe, read_xray, write_xray
from diffpose_nb.frames import carm_pose
from diffpose_nb.images import XRay

# For every type: values that no X-ray has. Plausible but wrong ones cannot be noticed by anybody.
ABSURD = [
    "0",
    "-1",
    "-700",
    "nan",
    "inf",
    "1e9",
    "-1e30",
    "99999",
    "1\\2\\3\\4",
    "abc",
    "Zebedee^Quillfeather",
    "\\",
    " ",
]
ABSURD_ANGLES = ["nan", "-inf", "1e9", "400", "-7000", "1\\2", "abc", "Zebedee^Quillfeather", "\\", " "]
TYPES = ["LO", "OB", "SQ", "UN", "PN", "FD", "US", "DA"]


def base_files(folder: Path) -> dict[str, Path]:
    """One file of each kind, rich in geometry tags, with a patient's name."""
    camera = Camera(1000, (0.5, 0.4), (12, 10))
    xray = make_xray(camera=camera)
    files = {}
    for kind in ("XA", "DX", "Enhanced XA"):
        one = xray
        if kind == "Enhanced XA":
            one = make_xray(camera=Camera(1000, (0.5, 0.4), (12, 10), (3.2, 6.1)))
        files[kind] = folder / f"{kind}.dcm"
        write_xray(files[kind], one, kind)
        dataset = pydicom.dcmread(files[kind])
        for keyword, value in PATIENT.items():
            setattr(dataset, keyword, value)
        if kind == "XA":
            dataset.PixelSpacing, dataset.PixelSpacingCalibrationType = ["0.35", "0.28"], "GEOMETRY"
            dataset.PixelSpacingCalibrationDescription = "sphere"
        if kind == "DX":
            dataset.DetectorElementSpacing, dataset.DetectorBinning = ["0.25", "0.1"], ["2", "4"]
            dataset.PixelSpacing = ["0.5", "0.4"]
            dataset.DetectorPrimaryAngle = dataset.DetectorSecondaryAngle = "0"
        if kind == "Enhanced XA":
            dataset.DetectorElementSpacing, dataset.DetectorBinning = ["0.25", "0.2"], ["2", "2"]
            dataset.PositionOfIsocenterProjection = [19.0, 11.0]
            del dataset.PhysicalDetectorSize
            view = dataset.SharedFunctionalGroupsSequence[0].FieldOfViewSequence[0]
            view.FieldOfViewOrigin, view.FieldOfViewRotation = ["6", "4"], "180"
        dataset.save_as(files[kind])
    dataset = pydicom.dcmread(files["XA"])
    dataset.NumberOfFrames, dataset.PositionerMotion = 3, "DYNAMIC"
    dataset.PositionerPrimaryAngleIncrement = ["-10", "0", "10"]
    dataset.PositionerSecondaryAngleIncrement = ["0", "0", "0"]
    dataset.PixelData = dataset.PixelData * 3
    files["multi-frame XA"] = folder / "multi.dcm"
    dataset.save_as(files["multi-frame XA"])
    return files


def elements(dataset: Dataset) -> Iterator[tuple[Dataset, pydicom.DataElement]]:
    """Every element with the data set that holds it, down to the pixels."""
    for element in dataset:
        yield dataset, element
        if element.VR == "SQ":
            for item in element.value:
                yield from elements(item)


def mutate(dataset: Dataset, chance: random.Random) -> str:
    """Spoil one, two or three elements in place; say how."""
    candidates = list(elements(dataset))
    # Most tries go to tags that geometry comes from: most of a header is about other things.
    geometric = [c for c in candidates if c[1].tag.group in (0x0018, 0x0028) or c[1].keyword == "PatientOrientation"]
    chosen = [
        chance.choice(geometric if chance.random() < 0.7 else candidates) for _ in range(chance.choice([1, 1, 2, 3]))
    ]
    return "; ".join(spoil(holder, element, chance) for holder, element in chosen)


def spoil(holder: Dataset, element: pydicom.DataElement, chance: random.Random) -> str:
    """Spoil an element."""
    tag = element.tag
    how = chance.choice(["delete", "empty", "type", "absurd", "absurd"])
    if how == "delete":
        holder.pop(tag, None)
    elif how == "empty":
        holder[tag] = pydicom.DataElement(tag, element.VR, [] if element.VR == "SQ" else None)
    elif how == "type":
        how += spoil_type(holder, tag, chance)
    elif element.VR in ("SQ", "OW", "OB", "UI"):
        holder[tag] = RawDataElement(tag, "UN", 4, b"\x01\x02\x03\x04", 0, False, True)
    else:
        text = chance.choice(ABSURD_ANGLES if "Angle" in element.keyword else ABSURD)
        how += " " + text
        raw = text.encode() + b" " * (len(text) % 2)
        vr = "DS" if element.VR in ("FL", "US", "FD", "SS", "UL") else element.VR  # text, where binary is due
        holder[tag] = RawDataElement(tag, vr, len(raw), raw, 0, False, True)
    return f"{how} of {element.keyword}"


def spoil_type(holder: Dataset, tag: pydicom.tag.BaseTag, chance: random.Random) -> str:
    """Another type, with a content that fits it."""
    vr = chance.choice(TYPES)
    contents = {
        "LO": b"Zebedee^Quillfeather",
        "PN": b"Zebedee^Quillfeather",
        "DA": b"19610417",
        "US": b"\xff\xff",
        "FD": b"\xff" * 8,
    }
    if vr == "SQ":
        holder[tag] = pydicom.DataElement(tag, "SQ", [Dataset()])
    else:
        raw = contents.get(vr, bytes(chance.randrange(256) for _ in range(6)))
        holder[tag] = RawDataElement(tag, vr, len(raw), raw, 0, False, True)
    return f" {vr}"


def same_geometry(one: XRay, other: XRay) -> bool:
    """The same projection, to what 32-bit floats keep."""
    points = torch.tensor([[30.0, -20, 10], [-40, 5, -60], [1, 50, 20]], dtype=torch.float64)
    difference = one.camera.project(points, one.world_from_camera) - other.camera.project(
        points, other.world_from_camera
    )
    return one.camera.shape == other.camera.shape and difference.abs().max().item() < 1e-3


def check(path: Path, frame: int, sound: XRay, what: str) -> str:
    """Read a spoilt file; the outcome in a word."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            xray = read_xray(path, frame=frame)
            described = describe(path, frame=frame).to_string()
    except DicomError as error:
        assert path.name in str(error), what
        assert_silent("".join(traceback.format_exception(error)))
        return "refused"
    except Exception as error:
        pytest.fail(f"{what}: {error!r}")
    assert_silent(*xray.notes, described)
    if same_geometry(xray, sound):
        return "unchanged"
    new = [note for note in xray.notes if note not in sound.notes]
    assert new, f"{what}: another geometry, silently"
    return "noted"


@pytest.mark.parametrize("seed", range(4))
def test_spoilt_headers(seed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(seed)
    files = base_files(tmp_path)
    frames = {kind: 2 if "multi" in kind else 0 for kind in files}
    sound = {kind: read_xray(path, frame=frames[kind]) for kind, path in files.items()}
    spoilt = tmp_path / "spoilt.dcm"
    outcomes = []
    while len(outcomes) < 450:
        kind = chance.choice(list(files))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(files[kind])
            what = f"seed {seed}, try {len(outcomes)}, {kind}: {mutate(dataset, chance)}"
            try:
                dcmwrite(spoilt, dataset)
            except (TypeError, AttributeError, ValueError):
                continue  # pydicom does not write this one
        caplog.clear()
        outcomes.append(check(spoilt, frames[kind], sound[kind], what))
        assert caplog.text == "", what
    assert {"refused", "unchanged", "noted"} == set(outcomes), "the net has lost a colour"


def test_files_cut_at_random(tmp_path: Path) -> None:
    chance = random.Random(7)
    files = base_files(tmp_path)
    spoilt = tmp_path / "spoilt.dcm"
    whole = {kind: path.read_bytes() for kind, path in files.items()}
    for _ in range(200):
        kind = chance.choice(list(files))
        length = chance.randrange(len(whole[kind]))
        spoilt.write_bytes(whole[kind][:length])
        assert check(spoilt, 0, make_xray(), f"{kind} cut at {length}") == "refused"


def test_the_check_sees_a_silent_change(tmp_path: Path) -> None:
    """The net itself: a changed pose without a note is caught."""
    write_xray(tmp_path / "xa.dcm", make_xray(primary=31))
    sound = make_xray(notes=read_xray(tmp_path / "xa.dcm").notes)
    with pytest.raises(AssertionError, match="silently"):
        check(tmp_path / "xa.dcm", 0, sound, "31 degrees")
    assert not same_geometry(make_xray(), make_xray(world_from_camera=carm_pose(30.01, 20, 700)))
