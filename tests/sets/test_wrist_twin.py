"""The twin of the wrist goes through the reader of the real one, and its X-rays show what its poses say."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import torchio

from diffpose_nb import sets
from diffpose_nb.camera import invert
from diffpose_nb.render import Renderer
from diffpose_nb.sets.biplane import twin


@pytest.fixture(scope="module")
def chest():
    """A CT with a slanted, tapering bar in place of the clavicle; its x axis runs to the left, as in the example."""
    place = np.moveaxis(np.indices((56, 70, 20)), 0, -1) * [1.0, 1.0, 2.5] - [28, 35, 25]
    along = np.array([0.5, 0.8, 0.33]) / np.linalg.norm([0.5, 0.8, 0.33])
    length = place @ along
    width = np.sqrt((place**2).sum(-1) - length**2)
    inside = (np.abs(length) < 30) & (width < 6 + length / 15)
    affine = np.diag([-1.0, 1.0, 2.5, 1.0])
    return torchio.Subject(
        volume=torchio.ScalarImage(tensor=torch.from_numpy(np.where(inside, 900.0, 0.0))[None].float(), affine=affine),
        mask=torchio.LabelMap(tensor=torch.from_numpy(inside)[None].int(), affine=affine),
        structures=pd.DataFrame({"id": [1], "structure": [twin.BONE], "group": ["skeleton"]}),
    )


@pytest.fixture(scope="module")
def wrist(chest, tmp_path_factory):
    return sets.wrist(sets.wrist_twin(tmp_path_factory.mktemp("twin"), subject=chest, pixels=220, progress=False))


def test_it_says_that_it_is_a_twin(wrist):
    assert any("twin, not the real wrist" in note for note in wrist.notes)
    assert "Twin" in wrist.publication.title
    assert all(xray.standard.kind == "gold" for patient in wrist.patients for xray in patient.xrays)


@pytest.mark.parametrize("name", ["0099 cam01", "0099 cam02", "0158 cam01", "0158 cam02"])
def test_a_bone_is_seen_where_its_pose_says(wrist, name):
    """Both bones together at the true poses look more like the X-ray than when they are shifted."""
    view = wrist.patient("radius").xray(name).read()
    seen = torch.zeros(view.camera.shape)
    for patient in wrist.patients:
        seen += Renderer(patient.subject(), view.camera)(patient.xray(name).standard.world_from_camera)[0, 0]
    observed, near = view.attenuation(), torch.nn.functional.max_pool2d(seen[None], 9, 1, 4)[0] > 0.05

    def alike(rows, columns):
        moved = seen.roll((rows, columns), (0, 1))
        return torch.corrcoef(torch.stack([moved[near], observed[near]]))[0, 1].item()

    right = alike(0, 0)
    assert right > 0.6
    assert right > max(alike(*shift) for shift in [(4, 0), (-4, 0), (0, 4), (0, -4)])


def test_it_saturates_and_has_a_round_field(wrist):
    pixels = wrist.patient("radius").xray("0099 cam01").read().pixels
    assert pixels.min() == 0 and (pixels == 255).double().mean() > 0.3
    assert pixels[0, 0] == 0


def test_the_ulna_slips_along_the_radius_between_the_frames(wrist, chest):
    inside = {}
    for patient in wrist.patients:
        for xray in patient.xrays:
            inside[patient.name, xray.name] = xray.read().world_from_camera @ invert(xray.standard.world_from_camera)
    relative = {
        frame: invert(inside["radius", f"{frame} cam01"]) @ inside["ulna", f"{frame} cam01"]
        for frame in ("0099", "0158")
    }
    slip = (relative["0158"] - relative["0099"])[:3, 3].norm()
    assert 0.5 < slip < 3
    torch.testing.assert_close(relative["0099"][:3, :3], relative["0158"][:3, :3], atol=1e-9, rtol=0)


def test_its_poses_are_written_beside_it(chest, tmp_path):
    sets.wrist_twin(tmp_path / "new", subject=chest, pixels=60, progress=False)
    content = json.loads((tmp_path / "new" / "twin.json").read_text())
    pose = torch.tensor(content["fluoroscope_from_bone"]["ulna"]["0158"], dtype=torch.float64)
    torch.testing.assert_close(pose[:3, :3] @ pose[:3, :3].T, torch.eye(3).double(), atol=1e-9, rtol=0)
    assert pose[:3, :3].det() == pytest.approx(1)
