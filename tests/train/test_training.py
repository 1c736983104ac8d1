import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import torch

from diffpose_nb.camera import rigid_motion
from diffpose_nb.data import EXAMPLE_REGRESSOR
from diffpose_nb.evaluate import camera_errors
from diffpose_nb.train import Augmentation, PoseRange, PoseRegressor, fit, label_centres, training
from diffpose_nb.train.checkpoint import read_checkpoint

QUICK = {"backbone": "resnet10t", "channels": (32, 32, 32, 32), "batch": 8, "pool": 32, "renew": 2, "progress": False}


@pytest.fixture(scope="module")
def trained(example, camera, tmp_path_factory):
    path = tmp_path_factory.mktemp("train") / "whole.pt"
    return fit(example, path, camera=camera, steps=24, **QUICK)


def test_it_learns(example, camera, tmp_path):
    """A range of views small enough for a minute: the loss falls by half, and unseen pictures are placed better."""
    poses = PoseRange(primary=20, secondary=0, roll=0, shift=0, depth=0)
    found = fit(
        example,
        tmp_path / "learns.pt",
        poses=poses,
        camera=camera,
        augmentation=Augmentation.none(),
        steps=120,
        **QUICK | {"batch": 16, "pool": 64},
    )
    loss = found.history.loss
    assert loss.tail(20).mean() < 0.5 * loss.head(5).mean()
    rotation = found.history.rotation
    assert rotation.tail(20).mean() < 0.5 * rotation.head(5).mean()


def test_the_history_says_what_happened(trained):
    assert list(trained.history.columns) == list(training.COLUMNS)
    assert trained.reason == "finished" and trained.history.step.tolist() == list(range(1, 25))
    assert np.isfinite(trained.history.to_numpy()).all()
    assert (trained.history.seconds.diff().dropna() > 0).all()
    rate = trained.history.learning_rate
    assert rate.max() == pytest.approx(2e-3) and rate.iloc[-1] < 1e-4


def test_the_same_seed_trains_the_same_network(example, camera, trained, tmp_path):
    again = fit(example, tmp_path / "again.pt", camera=camera, steps=24, **QUICK)
    np.testing.assert_array_equal(again.history.loss, trained.history.loss)
    other = fit(example, tmp_path / "other.pt", camera=camera, steps=24, seed=1, **QUICK)
    assert not np.array_equal(other.history.loss, trained.history.loss)


def test_an_interrupted_training_goes_on_as_if_it_had_not_been(example, camera, trained, tmp_path):
    path = tmp_path / "broken.pt"

    def stop(history):
        if len(history) == calls[0]:
            raise KeyboardInterrupt

    calls = [11]
    training_every, training.DRAW_EVERY = training.DRAW_EVERY, 0.0
    try:
        first = fit(example, path, camera=camera, steps=24, callback=stop, **QUICK)
    finally:
        training.DRAW_EVERY = training_every
    assert first.reason == "interrupted" and len(first.history) == 11
    second = fit(example, path, camera=camera, steps=24, **QUICK)
    np.testing.assert_array_equal(second.history.loss, trained.history.loss)
    assert (second.history.seconds.diff().dropna() > 0).all(), "time goes on too"
    image = torch.randn(1, 1, *camera.shape)
    with torch.no_grad():
        torch.testing.assert_close(second.regressor(image), trained.regressor(image), atol=0, rtol=0)


@pytest.fixture(scope="module")
def partial(example):
    """What a training for a part of the spine is given."""
    poses = PoseRange(shift=(20, 10), isocenter=label_centres(example, ["vertebrae_T10", "vertebrae_T8"]))
    everything = Augmentation(round_field=0.5, instruments=0.5, background=0.2, continuation=0.5, cut=20)
    return {"poses": poses, "augmentation": everything}


def test_a_training_for_a_part_goes_on_as_if_it_had_not_been_interrupted(example, camera, partial, tmp_path):
    whole = fit(example, tmp_path / "whole.pt", camera=camera, steps=8, **QUICK, **partial)
    assert np.isfinite(whole.history.to_numpy()).all()
    path = tmp_path / "broken.pt"
    first = fit(example, path, camera=camera, steps=8, minutes=1e-9, **QUICK, **partial)
    assert first.reason == "out of time" and len(first.history) == 1
    second = fit(example, path, camera=camera, steps=8, **QUICK, **partial)
    np.testing.assert_array_equal(second.history.loss, whole.history.loss)
    again = PoseRegressor.load(path)
    assert again.poses == partial["poses"] and again.described() == whole.regressor.described()
    other = partial | {"augmentation": Augmentation(round_field=0.5)}
    with pytest.raises(ValueError, match="was trained with augmentation="):
        fit(example, path, camera=camera, steps=8, **QUICK, **other)
    moved = partial | {"poses": PoseRange(shift=(20, 10))}
    with pytest.raises(ValueError, match="was trained with isocenter="):
        fit(example, path, camera=camera, steps=8, **QUICK, **moved)


def test_old_checkpoints_are_gone_on_with(example, camera, trained, tmp_path):
    """Those of a version that knew no isocentre, and of the augmentations only the first seven."""
    content = read_checkpoint(trained.path)
    assert content["poses"].pop("isocenter") == (0.0, 0.0, 0.0)
    for name in ("round_field", "instruments", "background", "continuation", "cut"):
        del content["settings"]["augmentation"][name]
    path = tmp_path / "old.pt"
    torch.save(content, path)
    assert PoseRegressor.load(path).poses == PoseRange()
    assert fit(example, path, camera=camera, steps=24, **QUICK).history.equals(trained.history)
    with pytest.raises(
        ValueError, match=r"was trained with isocenter=\(0.0, 0.0, 0.0\), and now it is \(1.0, 2.0, 3.0\)"
    ):
        fit(example, path, camera=camera, steps=24, poses=PoseRange(isocenter=(1, 2, 3)), **QUICK)


def test_the_network_that_ships_is_aimed_at_the_centre_of_the_ct():
    content = read_checkpoint(EXAMPLE_REGRESSOR)
    assert "isocenter" not in content["poses"]
    assert PoseRegressor.load(EXAMPLE_REGRESSOR).poses.isocenter == (0.0, 0.0, 0.0)


def test_an_untrained_network_says_the_nominal_pose_at_its_isocentre(camera, partial):
    regressor = PoseRegressor(partial["poses"], camera, backbone="resnet10t", channels=(32, 32, 32, 32)).eval()
    with torch.no_grad():
        for head in (regressor.rotation_head, regressor.translation_head):
            head.weight.zero_()
        regressor.rotation_head.bias.copy_(torch.tensor([0.2, -0.1, 0.1]))
        turned = regressor(torch.zeros(1, 1, *camera.shape))
        regressor.translation_head.bias.copy_(torch.tensor([0.5, 0.0, 0.0]))
        moved = regressor(torch.zeros(1, 1, *camera.shape))
    poses = partial["poses"]
    assert poses.parameters(turned)[0, 3:].abs().max() < 1e-3, "a turn is one about the isocentre"
    assert poses.parameters(moved - turned + poses.nominal)[0, 3].abs() > 5


def test_errors_are_those_at_the_isocentre(poses):
    """A turn about the isocentre moves nothing there, and 100 mm from there it does."""
    centre = torch.tensor([0.0, -60.0, 100.0]).double()
    truth = PoseRange(isocenter=centre.tolist()).sample(3, 1)
    estimate = rigid_motion([3.0, 0.0, 0.0], [0.0, 0.0, 0.0], centre) @ truth
    at, origin = camera_errors(estimate, truth, centre), camera_errors(estimate, truth)
    assert at[:, 3:].abs().max() < 1e-6 < 5 < origin[:, 3:].norm(dim=-1).min()
    torch.testing.assert_close(at[:, :3], origin[:, :3])
    torch.testing.assert_close(camera_errors(estimate, truth, torch.zeros(3, 3)), origin)
    loss = training._Loss(None, training.CAMERA, PoseRange(isocenter=centre.tolist()), 0.0, 1)
    made = training.Pictures(torch.zeros(3, 1, 1, 1), torch.ones(3, 1, 1, 1).bool(), truth)
    turned = loss(estimate, truth, made).item()
    only = 2 * (torch.deg2rad(torch.tensor(3.0)) * training.CAMERA.sid / 2).item() / 100
    assert turned == pytest.approx(only, rel=0.02), "the loss counts the turn, and no shift"


def test_time_can_run_out(example, camera, tmp_path):
    found = fit(example, tmp_path / "short.pt", camera=camera, steps=10_000, minutes=1 / 60, **QUICK)
    assert found.reason == "out of time" and 0 < len(found.history) < 10_000
    assert len(read_checkpoint(tmp_path / "short.pt")["rows"]) == len(found.history)


def test_a_finished_training_is_only_loaded(example, camera, trained):
    again = fit(example, trained.path, camera=camera, steps=24, **QUICK)
    assert again.history.equals(trained.history)
    assert not again.regressor.training


def test_a_checkpoint_can_be_used_as_a_network(trained):
    again = PoseRegressor.load(trained.path)
    image = torch.randn(1, 1, *again.camera.shape)
    with torch.no_grad():
        torch.testing.assert_close(again(image), trained.regressor(image), atol=1e-4, rtol=0)


def test_another_training_is_not_gone_on_with(example, camera, trained, tmp_path):
    with pytest.raises(ValueError, match=r"was trained with batch=8, and now it is 4"):
        fit(example, trained.path, camera=camera, steps=24, **QUICK | {"batch": 4})
    with pytest.raises(ValueError, match=r"was trained with shift=50.0, and now it is 10"):
        fit(example, trained.path, camera=camera, steps=24, poses=PoseRange(shift=10), **QUICK)
    path = tmp_path / "network.pt"
    trained.regressor.save(path)
    with pytest.raises(ValueError, match="a finished network, not a training"):
        fit(example, path, camera=camera, steps=24, **QUICK)


def test_weights_of_another_version_are_not_gone_on_with(example, camera, trained, tmp_path):
    """Its settings are the same, its layers are not."""
    path = tmp_path / "old.pt"
    content = read_checkpoint(trained.path)
    stem = content["weights"]["backbone.conv1.weight"]
    content["weights"]["backbone.conv1.weight"] = stem.new_zeros(64, *stem.shape[1:])
    torch.save(content, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"old\.pt: weights and settings do not fit together (?s:.*)train it anew"):
        fit(example, path, camera=camera, steps=24, **QUICK)
    assert path.read_bytes() == before


def test_the_image_loss_has_a_gradient(example, camera, tmp_path):
    with_images = fit(example, tmp_path / "i.pt", camera=camera, steps=3, image_weight=1.0, **QUICK)
    without = fit(example, tmp_path / "g.pt", camera=camera, steps=3, **QUICK)
    difference = with_images.history.loss - without.history.loss
    assert 0 < difference.iloc[0] < 2, "1 - NCC, before the two trainings part"
    assert with_images.history.rotation.iloc[-1] != without.history.rotation.iloc[-1]


def test_growing_pools_are_full_in_the_end():
    counts = [training._rendered(step, 64, 2, 8) for step in range(40)]
    steps = np.diff(counts)
    assert counts[0] == 16 and set(steps) <= {2, 3, 4} and steps[-1] == 2
    assert [training._rendered(step, 64, 0, 8) for step in (0, 99)] == [64, 64], "nothing new is asked for"


def test_errors_are_in_camera_axes(poses):
    truth = poses.sample(4, 1)
    offsets = poses.parameters(truth)
    for axis, column in ((3, 3), (4, 4)):
        moved = offsets.clone()
        moved[:, axis] += 2.0
        errors = camera_errors(poses.pose(moved), truth)
        expected = torch.zeros(4, 6).double()
        expected[:, column] = -2.0
        torch.testing.assert_close(errors, expected, atol=1e-6, rtol=0)
    moved = offsets.clone()
    moved[:, 5] += 9.0
    torch.testing.assert_close(camera_errors(poses.pose(moved), truth)[:, 5], torch.full((4,), 9.0).double())
    moved = offsets.clone()
    moved[:, 2] += 3.0
    torch.testing.assert_close(camera_errors(poses.pose(moved), truth)[:, 2], torch.full((4,), 3.0).double())


KILLED = """
    import sys
    from diffpose_nb import ct
    from diffpose_nb.camera import Camera
    from diffpose_nb.train import fit, training
    training.SAVE_EVERY = 0.0
    def tell(history):
        print(len(history), flush=True)
    training.DRAW_EVERY = 0.0
    fit(ct.example(), sys.argv[1], camera=Camera(1020.0, (9.7, 9.7), (32, 32)), steps=100_000, batch=8, pool=32,
        renew=2, progress=False, callback=tell, backbone="resnet10t", channels=(32, 32, 32, 32))
"""


def test_a_killed_training_leaves_a_whole_checkpoint(example, camera, tmp_path):
    """With a checkpoint after each step, kill -9 in the middle: what is there can be loaded and gone on with."""
    path = tmp_path / "killed.pt"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        done = 0
        while done < 5:
            done = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    started = time.perf_counter()
    found = fit(example, path, camera=camera, steps=100_000, minutes=0.01, **QUICK)
    assert len(found.history) >= 4, f"resumed at {len(found.history)} after {time.perf_counter() - started:.1f} s"
