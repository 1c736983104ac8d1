"""xvr's files, and that nothing but numbers is read from them."""

import pickle
from pathlib import Path

import own_patient
import pandas as pd
import pytest
import torch
from conftest import same_pixels
from diffdrr.drr import DRR
from diffdrr.pose import convert

from diffpose_nb.exchange import read_xvr, write_xvr
from diffpose_nb.frames import from_diffdrr

REORIENT = {
    "AP": torch.tensor([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]),
    "PA": torch.tensor([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]),
}
"""What DiffDRR's ``read(…, orientation=…)`` keeps in a subject (diffdrr/data.py)."""


def test_read_back(view, points, tmp_path):
    write_xvr(tmp_path / "parameters.pt", *view, volume="ct.nii.gz", xray="xa.dcm")
    same_pixels(view, read_xvr(tmp_path / "parameters.pt"), points)
    content = torch.load(tmp_path / "parameters.pt", weights_only=True)
    assert content["drr"]["orientation"] == "AP" and content["final_pose"].shape == (1, 4, 4)


def _theirs(orientation):
    """A file as xvr's registrar wrote it, with paths and a table in it."""
    angles, shift = torch.tensor([[30.0, 5.0, 0.0]]), torch.tensor([[3.0, 850.0, -4.0]])
    pose = convert(angles, shift, parameterization="euler_angles", convention="ZXY", degrees=True)
    detector = {"sdd": 1020.0, "height": 100, "width": 120, "delx": 2.0, "dely": 2.1, "x0": 5.0, "y0": -3.0}
    drr = {"volume": Path("/a/ct.nii.gz"), "mask": None, "orientation": orientation, **detector, "reverse_x_axis": True}
    return pose, {
        "drr": drr,
        "init_pose": pose.matrix + 1,
        "final_pose": pose.matrix,
        "runtime": 2.0,
        "trajectory": pd.DataFrame({"ncc": [0.1, 0.9]}),
    }


@pytest.mark.parametrize("orientation", ["AP", "PA"])
def test_an_older_file_with_paths_and_tables(tmp_path, points, orientation):
    """Against DiffDRR's own arithmetic."""
    pose, content = _theirs(orientation)
    torch.save(content, tmp_path / "parameters.pt")
    camera, found = read_xvr(tmp_path / "parameters.pt")
    assert torch.linalg.det(found[:3, :3]) > 0
    subject = own_patient.subject()
    subject.reorient = REORIENT[orientation]
    arguments = {key: content["drr"][key] for key in ("sdd", "height", "width", "delx", "dely", "x0", "y0")}
    drr = DRR(subject, **arguments, reverse_x_axis=True)
    theirs = drr.perspective_projection(pose, points[None].float())[0] - 0.5
    assert (theirs - camera.project(points, found)).abs().max() < 2e-3


def test_a_newer_file(tmp_path):
    pose, content = _theirs("AP")
    detector = {key: content["drr"][key] for key in ("sdd", "height", "width", "delx", "dely", "reverse_x_axis")}
    detector["sdd"] = torch.tensor(1020.0)
    torch.save(
        {"detector": detector, "init_pose": pose.matrix, "final_pose": pose.matrix, "log": None}, tmp_path / "x.pth"
    )
    camera, found = read_xvr(tmp_path / "x.pth")
    assert (camera.sid, camera.shape, camera.principal_point) == (1020.0, (100, 120), (59.5, 49.5))
    assert torch.allclose(found, from_diffdrr(pose, "AP")[0])


class _Bomb:
    def __reduce__(self):
        return (Path.write_text, (Path("boom.txt"), "boom"))


def test_code_in_a_file_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, content = _theirs("AP")
    torch.save(content | {"bomb": _Bomb()}, tmp_path / "x.pt")
    pickle.loads(pickle.dumps(_Bomb()))
    assert (tmp_path / "boom.txt").exists(), "the bomb works where it is let"
    (tmp_path / "boom.txt").unlink()
    read_xvr(tmp_path / "x.pt")
    assert not (tmp_path / "boom.txt").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"drr": {"sdd": 1.0}}, "no pose"),
        ({"drr": {"height": 5, "delx": 1.0}, "final_pose": torch.eye(4)[None]}, "lacks sdd"),
        ([1, 2], "no pose"),
    ],
)
def test_what_is_none_of_xvrs_is_refused(tmp_path, content, says):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ValueError, match=says):
        read_xvr(tmp_path / "x.pt")


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        read_xvr(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.pt: cannot be read"):
        read_xvr(tmp_path / "text.pt")
