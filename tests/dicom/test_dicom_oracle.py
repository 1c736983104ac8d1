"""The projection oracle, through files of each kind: plain, mirrored, multi-frame, enhanced, radiographic."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch

from diffpose_nb.camera import Camera
from diffpose_nb.dicom import read_xray, write_xray
from diffpose_nb.frames import carm_pose, ras_from_lps, transform_points
from diffpose_nb.images import XRay

CASES = json.loads((Path(__file__).parents[1] / "reference" / "projection.json").read_text())["cases"]
each_case = pytest.mark.parametrize(
    "case", CASES, ids=lambda c: f"{c['PositionerPrimaryAngle']}/{c['PositionerSecondaryAngle']}"
)


def nominal(case: dict) -> XRay:
    """The X-ray of a case, with one bright pixel off the centre."""
    shape = case["Rows"], case["Columns"]
    camera = Camera(case["DistanceSourceToDetector"], tuple(case["ImagerPixelSpacing"]), shape)
    pose = carm_pose(case["PositionerPrimaryAngle"], case["PositionerSecondaryAngle"], case["DistanceSourceToPatient"])
    pixels = torch.zeros(shape)
    pixels[5, 9] = 1000
    return XRay(pixels, camera, pose)


def worst(case: dict, xray: XRay) -> float:
    """The largest distance between projected points and the oracle's, pixels."""
    points = transform_points(ras_from_lps, torch.tensor(case["points_lps"], dtype=torch.float64))
    expected = torch.tensor(case["column_row"], dtype=torch.float64)
    return (xray.camera.project(points, xray.world_from_camera) - expected).abs().max().item()


def test_there_are_cases() -> None:
    assert len(CASES) == 16


@each_case
@pytest.mark.parametrize(("kind", "tolerance"), [("XA", 1e-6), ("DX", 1e-6), ("Enhanced XA", 1e-3)])
def test_written_and_read_it_projects_like_the_standard(
    case: dict, kind: str, tolerance: float, tmp_path: Path
) -> None:
    write_xray(tmp_path / "xray.dcm", nominal(case), kind)
    xray = read_xray(tmp_path / "xray.dcm")
    assert worst(case, xray) < tolerance
    assert xray.pixels[5, 9] == xray.pixels.max()


@each_case
@pytest.mark.parametrize("direction", [0, 1])
def test_a_mirrored_image_is_flipped_back(case: dict, direction: int, tmp_path: Path) -> None:
    write_xray(tmp_path / "xa.dcm", nominal(case))
    dataset = pydicom.dcmread(tmp_path / "xa.dcm")
    pixels = np.flip(dataset.pixel_array, 1 - direction)
    opposite = str.maketrans("LRPAHF", "RLAPFH")
    letters = list(dataset.PatientOrientation)
    letters[direction] = letters[direction].translate(opposite)
    dataset.PatientOrientation = letters
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(tmp_path / "xa.dcm")
    xray = read_xray(tmp_path / "xa.dcm")
    assert worst(case, xray) < 1e-6
    assert xray.pixels[5, 9] == 1000
    assert any("the stored image is mirrored" in note for note in xray.notes)


@pytest.mark.parametrize("steps", ["constant", "offsets", "absolute"])
def test_each_frame_of_a_moving_arm(steps: str, tmp_path: Path) -> None:
    """The frames of one file are cases that differ in their angles; the other numbers come as arguments."""
    angles = np.array([[c["PositionerPrimaryAngle"], c["PositionerSecondaryAngle"]] for c in CASES], dtype=float)
    if steps == "constant":
        angles = np.stack([-100 + 13.5 * np.arange(16), -20 + 2.5 * np.arange(16)], -1)
    small = XRay(torch.zeros(8, 8), Camera(1000, (0.4, 0.4), (8, 8)), carm_pose(*angles[0], 700))
    write_xray(tmp_path / "xa.dcm", small)
    dataset = pydicom.dcmread(tmp_path / "xa.dcm")
    dataset.NumberOfFrames = 16
    dataset.PixelData = np.arange(16 * 64, dtype="<u2").tobytes()
    dataset.PositionerMotion = "DYNAMIC"
    del dataset.PatientOrientation
    for column, name in enumerate(["PositionerPrimaryAngle", "PositionerSecondaryAngle"]):
        first = 0 if steps == "absolute" else angles[0, column]
        offsets = np.round(angles[:, column] - first, 6)
        setattr(dataset, name, str(first))
        setattr(dataset, name + "Increment", str(offsets[1]) if steps == "constant" else list(map(str, offsets)))
    dataset.save_as(tmp_path / "xa.dcm")
    for frame in range(16):
        xray = read_xray(tmp_path / "xa.dcm", frame=frame)
        torch.testing.assert_close(xray.world_from_camera, carm_pose(*angles[frame], 700), atol=1e-9, rtol=0)
        assert xray.pixels[0, 0] == frame * 64
        if steps != "constant":
            case = CASES[frame]
            whole = Camera(
                case["DistanceSourceToDetector"], tuple(case["ImagerPixelSpacing"]), (case["Rows"], case["Columns"])
            )
            pose = read_xray(
                tmp_path / "xa.dcm", frame=frame, sid=whole.sid, sod=case["DistanceSourceToPatient"]
            ).world_from_camera
            assert worst(case, XRay(torch.zeros(whole.shape), whole, pose)) < 1e-6
