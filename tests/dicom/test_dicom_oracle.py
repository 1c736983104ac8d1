"""The projection oracle, through files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from diffpose_nb.camera import Camera
from diffpose_nb.dicom import XRay, read_xray, write_xray
from diffpose_nb.frames import carm_pose, ras_from_lps, transform_points

CASES = json.loads((Path(__file__).parents[1] / "data" / "projection.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['PositionerPrimaryAngle']}/{c['PositionerSecondaryAngle']}")
def test_written_and_read_it_projects_like_the_standard(case: dict, tmp_path: Path) -> None:
    shape = case["Rows"], case["Columns"]
    camera = Camera(case["DistanceSourceToDetector"], tuple(case["ImagerPixelSpacing"]), shape)
    pose = carm_pose(case["PositionerPrimaryAngle"], case["PositionerSecondaryAngle"], case["DistanceSourceToPatient"])
    write_xray(tmp_path / "xa.dcm", XRay(torch.zeros(shape), camera, pose))
    xray = read_xray(tmp_path / "xa.dcm")
    points = transform_points(ras_from_lps, torch.tensor(case["points_lps"], dtype=torch.float64))
    expected = torch.tensor(case["column_row"], dtype=torch.float64)
    torch.testing.assert_close(xray.camera.project(points, xray.world_from_camera), expected, atol=1e-6, rtol=0)


def test_there_are_cases() -> None:
    assert len(CASES) == 16
