"""The folder of a result: whole or not at all."""

import json

import own_patient
import pytest

from diffpose_nb.register import Strategy, refine
from diffpose_nb.register.stages import STAGES
from diffpose_nb.report import new_folder, pictures_of, write_report


@pytest.fixture(scope="module")
def patient():
    return own_patient.subject()


@pytest.fixture(scope="module")
def registered(patient):
    xray = own_patient.shoot(patient)
    return xray, refine(patient, xray, search=Strategy(restarts=0, stages=STAGES[:3]), progress=False)


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), new_folder(tmp_path / "a" / "out") as fresh:
        (fresh / "half.txt").write_text("half")
        raise RuntimeError
    assert list((tmp_path / "a").iterdir()) == []


def test_a_failure_leaves_what_was_there(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "out", overwrite=True):
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "old.txt"]


def test_a_folder_that_is_taken_is_refused(tmp_path):
    (tmp_path / "old.txt").write_text("old")
    with pytest.raises(ValueError, match="not empty"), new_folder(tmp_path):
        pass


def test_a_report_from_a_notebook(patient, registered, tmp_path):
    xray, found = registered
    page = write_report(tmp_path / "out", patient, xray, found)
    assert page == tmp_path / "out" / "report.html" and page.is_file()
    content = json.loads((tmp_path / "out" / "pose.json").read_text())
    assert content["world_from_camera"] == found.world_from_camera.tolist()
    assert content["views"][0]["ncc_after"] > content["views"][0]["ncc_before"]


def test_the_residual_is_pale_at_the_right_pose_and_not_at_another(patient, registered):
    xray, found = registered
    truth = xray.true_world_from_camera
    right = pictures_of(patient, xray, xray.camera, truth, truth, found.foreign).residual
    wrong = pictures_of(patient, xray, xray.camera, truth, xray.world_from_camera, found.foreign).residual
    colour = [float((picture.max(-1).astype(int) - picture.min(-1)).mean()) for picture in (right, wrong)]
    assert colour[0] < 0.5 * colour[1]
