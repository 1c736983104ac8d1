import json

import torch

from diffpose_nb import ct
from diffpose_nb.commands import example as make_example
from diffpose_nb.data import FOLDER
from diffpose_nb.dicom import read_xray
from diffpose_nb.frames import carm_pose, rigid_motion


def test_shipped_example_is_what_its_command_makes(example, tmp_path, monkeypatch):
    monkeypatch.setattr(ct, "example", lambda: example)
    make_example.main(tmp_path)
    for name in ("example_xray.dcm", "example_truth.json"):
        assert (tmp_path / name).stat().st_size < 300_000
    shipped, made = (read_xray(folder / "example_xray.dcm") for folder in (FOLDER, tmp_path))
    # the last bit of an exponential may differ between processors, and with it a photon
    close = (shipped.pixels - made.pixels).abs() <= 1 + 0.001 * made.pixels
    assert close.double().mean() > 0.999
    torch.testing.assert_close(shipped.world_from_camera, carm_pose(20.0, 10.0, 700.0), atol=1e-9, rtol=0)

    truth = json.loads((FOLDER / "example_truth.json").read_text())
    motion = rigid_motion(**truth["motion"])
    torch.testing.assert_close(
        torch.tensor(truth["world_from_camera"], dtype=torch.float64),
        motion @ shipped.world_from_camera,
        atol=1e-8,
        rtol=0,
    )
    assert 15 < motion[:3, 3].norm() < 35


def test_example_shows_a_chest(example):
    pixels = read_xray(FOLDER / "example_xray.dcm").pixels
    lung, heart, liver, outside = (
        pixels[90:140, 60:90],
        pixels[150:200, 190:240],
        pixels[240:280, 90:150],
        pixels[:20, :20],
    )
    assert lung.median() > 5 * heart.median()  # bright lung; the heart on the image's right
    assert lung.median() > 3 * liver.median()  # the head is up: the liver is below, on the image's left
    assert outside.median() < 0.5 * heart.median()  # behind the collimator
