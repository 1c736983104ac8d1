"""Copies of a volume: the mass stays where it is."""

import math

import numpy as np
import pytest
import torch
from phantoms import OBLIQUE

from diffpose_nb.render import Volume
from diffpose_nb.render.volumes.prepared import only


def moments(volume):
    values = volume.values * getattr(volume, "unit", 1)
    voxels = np.stack(np.meshgrid(*map(np.arange, values.shape), indexing="ij"), -1).reshape(-1, 3)
    points = voxels @ volume.world_from_voxel[:3, :3].T + volume.world_from_voxel[:3, 3]
    mass = values.ravel() * abs(np.linalg.det(volume.world_from_voxel[:3, :3]))
    return np.array([mass.sum(), *(mass[:, None] * points).sum(0) / mass.sum()])


def test_averaging_packing_and_smoothing_leave_the_mass_where_it_is(rng):
    brick = Volume(np.ones((6, 10, 4), np.float32), OBLIQUE)
    for same in (brick.average((2, 5, 4)), brick.pack(), brick.coarsen(6.0)):
        np.testing.assert_allclose(moments(same), moments(brick), rtol=1e-5)
    assert brick.coarsen(6.0).values.shape == (2, 5, 2)
    uneven = Volume(np.pad(torch.rand(5, 6, 7, generator=rng).numpy(), 12), OBLIQUE)
    np.testing.assert_allclose(moments(uneven.smooth(2.0)), moments(uneven), rtol=1e-4)
    np.testing.assert_allclose(moments(uneven.pack()), moments(uneven), rtol=1e-4)
    remainder = Volume(np.ones((5, 1, 1), np.float32), np.eye(4)).average((2, 1, 1))
    np.testing.assert_allclose(remainder.values.ravel(), [1, 1, 0.5])  # half of the last block is beyond the volume


@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_are_means_and_the_last_ones_are_filled_up_with_zeros(rng, order):
    values = np.asarray(torch.rand(9, 10, 7, generator=rng).double().numpy(), order=order)
    found = Volume(values, np.eye(4)).average((4, 2, 3))
    padded = np.pad(values, [(0, 3), (0, 0), (0, 2)])
    np.testing.assert_allclose(found.values, padded.reshape(3, 4, 5, 2, 3, 3).mean((1, 3, 5)), rtol=1e-14)
    np.testing.assert_allclose(found.world_from_voxel @ [0, 0, 0, 1], [1.5, 0.5, 1, 1])


def test_packed_values_are_within_half_a_unit(rng):
    volume = Volume(torch.randn(5, 6, 7, generator=rng).numpy(), np.eye(4))
    packed = volume.pack()
    assert packed.values.dtype == np.int16 and packed.values.shape == (7, 8, 9)
    inner = packed.values[1:-1, 1:-1, 1:-1] * packed.unit
    assert np.abs(inner - volume.values).max() <= packed.unit / 2 * 1.001
    assert packed.unit == pytest.approx(np.abs(volume.values).max() / 32767)
    border = packed.values.copy()
    border[1:-1, 1:-1, 1:-1] = 0
    assert not border.any()
    assert Volume(volume.values.astype(np.float64), np.eye(4)).pack().values.dtype == np.float64


def test_one_label_of_a_volume(rng):
    volume = Volume(torch.rand(8, 9, 10, generator=rng).numpy(), OBLIQUE)
    labels = np.zeros((8, 9, 10), np.int16)
    labels[3:6, 2, 5:9], labels[0, 0, 0] = 4, 5
    part = only(volume, labels, 4)
    assert part.values.shape == (3, 1, 4)
    np.testing.assert_allclose(moments(part), moments(Volume(volume.values * (labels == 4), OBLIQUE)), rtol=1e-5)
    blocks = only(volume, labels, 4, (2, 3, 4))
    np.testing.assert_allclose(moments(blocks), moments(part), rtol=1e-5)
    assert blocks.values.shape == (4, 3, 5)
    assert not only(volume, labels, 9).values.any()


def test_smoothing_is_in_millimetres():
    values = np.zeros((41, 41, 41), np.float32)
    values[20, 20, 20] = 1
    blurred = Volume(values, np.diag([1.0, 1, 2, 1])).smooth(3.0).values
    for axis, spacing in [(0, 1.0), (2, 2.0)]:
        profile = blurred.sum(tuple({0, 1, 2} - {axis}))
        place = (np.arange(41) - 20) * spacing
        assert math.sqrt((profile * place**2).sum() / profile.sum()) == pytest.approx(3, rel=0.03)


def test_a_continued_volume_repeats_its_outermost_layers_and_stays_where_it_is():
    values = np.arange(4.0, dtype=np.float32)[None, None] * np.ones((2, 3, 1), np.float32)
    volume = Volume(values, np.diag([2.0, 2.0, 1.0, 1.0]))
    more = volume.continued(((0.0, 0.0), (0.0, 0.0), (3.0, 1.5)), depth=2.0)
    np.testing.assert_array_equal(more.values[1, 2], [0.5, 0.5, 0.5, 0, 1, 2, 3, 2.5, 2.5])
    np.testing.assert_array_equal(more.world_from_voxel @ [1, 2, 3, 1], volume.world_from_voxel @ [1, 2, 0, 1])
    same = volume.continued(((0.0, 0.0),) * 3, depth=2.0)
    np.testing.assert_array_equal(same.values, volume.values)
