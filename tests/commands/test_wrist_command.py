"""The real wrist, registered from many starts: the table, its errors, and that it goes on where it stopped."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
import torch

from diffpose_nb import sets
from diffpose_nb.commands import wrist
from diffpose_nb.sets.biplane.autoscoper import SILVER

needs_wrist = pytest.mark.skipif(
    not (Path(os.environ.get("DIFFPOSE_NB_DATA", "/nowhere")) / "wrist" / "rad_dcm_cropped.tif").exists(),
    reason="DIFFPOSE_NB_DATA names no folder with the real X-rays of a wrist",
)


def test_the_starts_are_around_a_rigid_pose_near_the_standard():
    for bone in ("radius", "ulna"):
        pose = wrist.rough(bone)
        torch.testing.assert_close(pose[:3, :3] @ pose[:3, :3].T, torch.eye(3).double(), atol=1e-9, rtol=0)
    apart = torch.linalg.inv(SILVER) @ wrist.rough("radius")
    assert apart[:3, 3].norm() < 2 and torch.rad2deg(torch.arccos((apart[:3, :3].trace() - 1) / 2)) < 5


@needs_wrist
def test_it_goes_on_where_it_stopped_and_counts_errors(tmp_path, monkeypatch):
    monkeypatch.setattr(wrist, "FRAMES", ("0099",))
    monkeypatch.setattr(wrist, "_ROUGH", {"radius": wrist._ROUGH["radius"]})
    path = tmp_path / "wrist.csv"
    first = wrist.main(path, 1, views=["both"])
    before = path.read_text()
    again = wrist.main(path, 1, views=["both"])
    assert len(first) == len(again) == 1 and path.read_text() == before
    counted = wrist.errors(again)
    assert counted.judgement[0] == "found" and counted.mm[0] < 0.7
    assert counted.start_mm[0] > 1
    assert wrist.summary(counted).loc[("both", "radius", "0099"), "under 1 mm"] == 1


@needs_wrist
def test_errors_are_split_along_the_beam_that_was_used():
    """A bone that is moved by 5 mm towards camera 2 is 5 mm off, along that camera's beam."""
    view = sets.wrist().patient("radius").xray("0099 cam02").read()
    moved = SILVER.clone()
    moved[:3, 3] += 5 * view.world_from_camera[:3, 2]
    row = {"bone": "radius", "frame": "0099", "views": "cam02", "ncc": 0.5, "judgement": "lost", "seconds": 1.0}
    ends = {key: [json.dumps(pose.tolist())] for key, pose in {"start": SILVER, "end": moved}.items()}
    table = wrist.errors(pd.DataFrame({key: [value] for key, value in row.items()} | ends))
    assert table.start_mm[0] == pytest.approx(0, abs=1e-9)
    assert (table.mm[0], table.along[0]) == pytest.approx((5, 5)) and table.across[0] == pytest.approx(0, abs=1e-9)
