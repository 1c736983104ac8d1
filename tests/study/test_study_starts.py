"""A study whose X-rays differ in where they start: a header, a picture without one, a search, a network."""

import json

import numpy as np
import pandas as pd
import pytest
import torchio

from diffpose_nb import data
from diffpose_nb.camera import Camera
from diffpose_nb.dicom import read_xray
from diffpose_nb.study import register_table, write_simulated
from diffpose_nb.study.example import SOD

CAMERA = Camera(1020.0, (4.0, 4.0), (80, 80))
ANGLES = (0.0, 0.0)


@pytest.fixture(scope="module")
def results(example, tmp_path_factory):
    folder = tmp_path_factory.mktemp("starts")
    torchio.Resample(4.0)(example["volume"]).save(folder / "ct.nii.gz")
    table = write_simulated(folder, 1, [folder / "ct.nii.gz"], labels=(), camera=CAMERA, progress=False)
    row = pd.read_csv(table).iloc[0].to_dict()
    np.save(folder / "picture.npy", read_xray(folder / row["xray"]).pixels.numpy())
    (folder / "picture.truth.json").write_bytes((folder / row["xray"]).with_suffix(".truth.json").read_bytes())
    (folder / "net.pt").write_bytes(data.EXAMPLE_REGRESSOR.read_bytes())
    asked = {"sid": CAMERA.sid, "sod": SOD, "pixel_spacing": 4, "primary": ANGLES[0], "secondary": ANGLES[1]}
    asked |= {"xray": "picture.npy", "values": "linear", "bright": "beam"}
    rows = [row, row | {"start": "search"}, row | {"start": "net.pt"}, row | asked]
    pd.DataFrame(rows).assign(restarts=0).to_csv(table, index=False)
    return register_table(table, folder / "results", workers=1, progress=False)


def test_each_start_leads_to_a_pose(results):
    assert results.error.isna().all(), results.error.dropna().tolist()
    assert (results.mtre < 2).all(), results[["start_mtre", "mtre"]]
    assert set(results.judgement) <= {"found", "doubtful"}


def test_a_start_that_is_searched_for_or_predicted_is_not_that_of_the_header(results):
    assert results.start_mtre.round(3).nunique() == 3
    header, _, _, picture = results.start_mtre
    assert picture == pytest.approx(header, abs=0.01)


def test_a_picture_says_what_was_assumed(results):
    assert "picture" in json.dumps(results.notes.iloc[3])
