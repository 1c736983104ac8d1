import copy

import numpy as np
import pytest
import torch
import torchio

from diffpose_nb import ct
from diffpose_nb.camera import Camera
from diffpose_nb.render import Volume
from diffpose_nb.train import Pool, PoseRange
from diffpose_nb.train.ends import Ends, continued, draw_ends

CAMERA = Camera(1020.0, (4.9, 4.9), (64, 64))


def _numbered(up=1.0):
    """Ten slices of 2 mm, which hold their own number from 1 to 10; counted from the feet, or from the head."""
    values = np.broadcast_to(np.arange(1.0, 11.0), (3, 3, 10)).copy()
    affine = np.diag([1.0, 1.0, 2.0 * up, 1.0])
    affine[2, 3] = -9.0 * up
    return Volume(values, affine).pack()


def _slices(packed):
    """Height in mm and value of each slice, from the feet to the head, without the border."""
    assert not packed.values[:, :, [0, -1]].any(), "a border of zeros is left"
    assert not packed.values[[0, -1]].any()
    column = packed.values[2, 2, 1:-1]
    height = packed.world_from_voxel[2, 2] * np.arange(1, len(column) + 1) + packed.world_from_voxel[2, 3]
    order = np.argsort(height)
    return height[order], column[order] * packed.unit


@pytest.mark.parametrize("up", [1.0, -1.0])
def test_slices_keep_their_places_and_are_repeated_or_mirrored(up):
    volume = _numbered(up)
    lowest, *_, highest = _slices(volume)[1]
    height, value = _slices(continued(volume, Ends((0.0, 0.0), (False, False)), 6.0))
    np.testing.assert_allclose(height, np.arange(-15, 16, 2))
    inner = np.arange(1, 11) if up > 0 else np.arange(10, 0, -1)
    np.testing.assert_allclose(value, [*[lowest] * 3, *inner, *[highest] * 3])
    _, value = _slices(continued(volume, Ends((0.0, 0.0), (True, False)), 6.0))
    np.testing.assert_allclose(value, [*inner[2::-1], *inner, *[highest] * 3])
    _, value = _slices(continued(volume, Ends((4.0, 2.0), (False, True)), 6.0))
    kept = inner[2:-1]
    np.testing.assert_allclose(value, [*[kept[0]] * 3, *kept, *kept[:-4:-1]], err_msg="two slices below, one above")
    height, _ = _slices(continued(volume, Ends((4.0, 2.0), (False, True)), 6.0))
    assert height[3] == pytest.approx(-5.0), "the third slice from the feet is where it was"


def test_no_more_than_a_third_is_cut_at_each_end():
    _, value = _slices(continued(_numbered(), Ends((900.0, 900.0), (False, False)), 2.0))
    assert value.tolist() == pytest.approx([4, 4, 5, 6, 7, 7])


def test_mirrored_slices_go_on_for_as_long_as_is_asked_for():
    _, value = _slices(continued(_numbered(), Ends((6.0, 6.0), (True, True)), 20.0))
    back_and_forth = [4, 5, 6, 7, 7, 6, 5, 4]
    assert value.tolist() == pytest.approx([5, 4, *back_and_forth * 2, 4, 5, 6, 7, 7, 6])


def test_ends_are_drawn():
    generator = torch.Generator().manual_seed(0)
    drawn = [draw_ends(0.6, 12.0, generator) for _ in range(400)]
    some = [ends for ends in drawn if ends is not None]
    assert 0.5 < len(some) / 400 < 0.7
    cuts = np.array([ends.cut for ends in some])
    assert cuts.min() >= 0 and 11 < cuts.max() <= 12
    assert {ends.mirrored for ends in some} == {(a, b) for a in (False, True) for b in (False, True)}
    before = generator.get_state()
    assert draw_ends(0.0, 12.0, generator) is None and torch.equal(generator.get_state(), before)


def test_a_short_ct_that_is_continued_fills_the_picture(example):
    """Where the rays stay in the CT, it shows the same; where they leave it, there is a patient instead of air."""
    short = ct.cut(example, superior=(-60.0, 40.0))
    poses = PoseRange(primary=0, secondary=0, roll=0, shift=0, depth=0)
    pools = {name: Pool(short, CAMERA, poses, 1, bones=(1.0,), continuation=p) for name, p in (("as", 0), ("on", 1))}
    for pool in pools.values():
        pool.render(1)
    as_it_is, on = (pool._images[0, 0] for pool in pools.values())
    whole = Pool(example, CAMERA, poses, 1, bones=(1.0,))
    whole.render(1)
    top, bottom, middle = slice(4, 12), slice(-12, -4), slice(42, 48)
    centre = slice(30, 56)
    assert as_it_is[top, centre].max() < 0.05 < 1.0 < on[top, centre].mean()
    assert as_it_is[bottom, centre].max() < 0.05 < 1.0 < on[bottom, centre].mean()
    torch.testing.assert_close(on[middle], as_it_is[middle], atol=0.02, rtol=0)
    torch.testing.assert_close(on[middle], whole._images[0, 0][middle], atol=0.1, rtol=0)


def test_pools_with_ends_can_be_made_again(example, camera, poses):
    first, second, plain = (Pool(example, camera, poses, 5, 1, continuation=p, cut=20) for p in (0.5, 0.5, 0.0))
    first.render(5)
    first.render(4)
    second.skip_to(9)
    plain.render(9)
    assert torch.equal(first._images, second._images) and torch.equal(first._bases, second._bases)
    same = [torch.equal(a, b) for a, b in zip(first._images, plain._images, strict=True)]
    assert 0 < sum(same) < 5, "some are continued and the others are as they were"


def test_left_stays_left(example, camera):
    """A CT that attenuates on the patient's left alone, continued either way: that is the right of the picture."""
    half = copy.copy(example)
    density = example["density"].data.clone()
    assert example["density"].affine[0, 0] < 0, "the first voxels are on the patient's right"
    density[:, :256] = 0
    half["density"] = torchio.ScalarImage(tensor=density, affine=example["density"].affine)
    poses = PoseRange(primary=0, secondary=0, roll=0, shift=0, depth=0)
    pool = Pool(half, camera, poses, 4, continuation=1.0, cut=30.0)
    pool.render(4)
    width = pool.wide.shape[1] // 2
    assert (pool._images[..., width:].mean((1, 2, 3)) > 20 * pool._images[..., :width].mean((1, 2, 3))).all()
