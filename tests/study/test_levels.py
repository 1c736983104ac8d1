import functools

import pandas as pd
import pytest
import torch

from diffpose_nb import ct
from diffpose_nb.camera import Camera, rigid_motion
from diffpose_nb.commands import level as command
from diffpose_nb.images import XRay
from diffpose_nb.render import Renderer
from diffpose_nb.simulate import OFF
from diffpose_nb.study import held_out, judge, levels
from diffpose_nb.study.judging import COLUMNS
from diffpose_nb.train import PoseRegressor, label_centres

SMALL = {"backbone": "resnet10t", "channels": (32, 32, 32, 32), "batch": 4, "pool": 8, "progress": False}


@pytest.fixture(scope="module")
def poses(example):
    return levels.level_poses(example, "vertebrae_T9")


def test_the_field_is_as_wide_as_is_said_at_the_isocentre(poses):
    camera = levels.level_camera(160.0, 96)
    edges = torch.tensor([[-80.0, 0, 0], [80.0, 0, 0]]) + poses.centre
    columns = camera.project(edges, poses.nominal)[:, 0].sort().values
    torch.testing.assert_close(columns, torch.tensor([-0.5, 95.5]).double())


def test_a_level_is_aimed_at_and_ranges_can_be_others(example, poses):
    assert poses.isocenter == label_centres(example, "vertebrae_T9")[0]
    several = levels.level_poses(example, ["vertebrae_T10", "vertebrae_T8"], shift=5.0, view=(90, 0))
    assert len(several.isocenter) == 2 and several.shift == 5.0 and several.view == (90.0, 0.0)


def test_held_out_x_rays_are_taken_where_they_say(example, poses):
    """Without physics an X-ray is the rendering at its true pose, and the vertebra is in it; the header is nominal."""
    camera = Camera(1020.0, (4.0, 4.0), (58, 58))
    for xray in held_out(example, poses, 2, progress=False, camera=camera, **OFF):
        rendered = Renderer(example, camera)(xray.true_world_from_camera)[0, 0]
        seen = -xray.pixels.clamp(min=1e-6).log()
        pair = torch.stack([seen.flatten(), rendered.flatten()])
        assert torch.corrcoef(pair)[0, 1] > 0.99
        offsets = poses.parameters(xray.true_world_from_camera)
        assert (offsets.abs() <= poses.half + 1e-9).all()
        torch.testing.assert_close(xray.world_from_camera, poses.nominal)
        column, row = camera.project(poses.centre[None], xray.true_world_from_camera)[0]
        assert 15 < column < 43 and 15 < row < 43


class _Turned:
    """In place of a network: turned by 3° about the level."""

    def __init__(self, poses):
        self.poses = poses

    def predict(self, xrays):
        motion = rigid_motion([0.0, 0.0, 3.0], [0.0, 0.0, 0.0], self.poses.centre)
        return torch.stack([motion @ xray.true_world_from_camera for xray in xrays])


def test_errors_are_judged_at_the_level(poses):
    truths = poses.sample(3, 0)
    blank = [
        XRay(
            torch.rand(8, 8), Camera(1020.0, (9.0, 9.0), (8, 8)), poses.nominal, notes=[], true_world_from_camera=truth
        )
        for truth in truths
    ]
    table = judge(_Turned(poses), blank)
    assert table[COLUMNS[3:]].abs().to_numpy().max() < 1e-6
    assert (table[COLUMNS[:3]].pow(2).sum(axis=1) ** 0.5).tolist() == pytest.approx([3, 3, 3])


def test_the_command_trains_and_judges_and_writes_both(example, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ct, "example", lambda: example)
    monkeypatch.setattr(command, "train_level", functools.partial(levels.train_level, **SMALL))
    command.main(["vertebrae_T10", "vertebrae_T9"], tmp_path, steps=2, number=2)
    network = PoseRegressor.load(tmp_path / "vertebrae_T10_vertebrae_T9.pt")
    assert len(network.poses.isocenter) == 2 and network.camera == levels.level_camera()
    table = pd.read_csv(tmp_path / "vertebrae_T10_vertebrae_T9.csv")
    assert len(table) == 2 and set(COLUMNS) <= set(table) and table.notna().all(axis=None)
    assert "50%" in capsys.readouterr().out
    command.main(["vertebrae_T10", "vertebrae_T9"], tmp_path, steps=2, number=1)  # the training is not made again
