"""Copies of a CT are kept as long as what they were made of, and no longer."""

import gc

import numpy as np
import pytest
import torch
import torchio

from diffpose_nb.camera import Camera, carm_pose
from diffpose_nb.ct import MU_WATER
from diffpose_nb.render import Renderer, Volume
from diffpose_nb.render.volumes.cache import MadeFrom
from diffpose_nb.render.volumes.prepared import BONE_FROM, smoothed_volume

CAMERA = Camera(1020.0, (8.0, 8.0), (24, 24))


def two_bones():
    density = torch.zeros(1, 20, 20, 20)
    density[:, 3:6, 8:12, 3:17] = density[:, 14:17, 8:12, 3:17] = 0.05
    return torchio.Subject(density=torchio.ScalarImage(tensor=density), mask=None)


def label_map(start):
    labels = torch.zeros(1, 20, 20, 20, dtype=torch.int16)
    labels[:, start : start + 3, 8:12, 3:17] = 1
    return torchio.LabelMap(tensor=labels)


def test_a_new_label_map_shows_the_new_anatomy():
    """Label 1 is one bone, then the other. Python may give the new map the number, id(…), of the old one."""
    subject, pose = two_bones(), carm_pose(0, 0, 700)
    expected = {}
    for start in (3, 14):
        alone = two_bones()
        alone["mask"] = label_map(start)
        expected[start] = Renderer(alone, CAMERA, structures=[1])(pose)
    assert not torch.allclose(expected[3], expected[14])
    for start in (3, 14) * 10:
        subject["mask"] = label_map(start)
        torch.testing.assert_close(Renderer(subject, CAMERA, structures=[1])(pose), expected[start])
        subject["mask"] = None
        gc.collect()


@pytest.mark.parametrize("contiguous", [True, False])
def test_bone_counts_more_than_soft_tissue(contiguous, rng):
    """The part above 1.1 times water has one factor, the rest another; however the CT lies in memory."""
    density = 0.06 * torch.rand(1, 12, 10, 9, generator=rng)
    if not contiguous:  # as files of NIfTI are read: the first axis is the fastest
        density = density.permute(0, 3, 2, 1).contiguous().permute(0, 3, 2, 1)
    image = torchio.ScalarImage(tensor=density)
    assert image.data.is_contiguous() == contiguous
    excess = (density - BONE_FROM * MU_WATER).clamp(min=0)[0].numpy()
    for bone, soft in [(2.0, 1.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]:
        subject = torchio.Subject(density=image)
        expected = Volume(soft * (density[0].numpy() - excess) + bone * excess, image.affine).smooth(1.5)
        found = smoothed_volume(subject, 1.0, 1.5, bone, soft)
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-5, atol=1e-8)


def test_what_is_made_of_two_tensors_goes_with_either():
    cache, first, second = MadeFrom(), torch.zeros(2), torch.zeros(3)
    made = []

    def make():
        made.append(len(made))
        return made[-1]

    assert cache.get((first, second), "a", make) == cache.get((first, second), "a", make) == 0
    assert cache.get((first, second), "b", make) == 1
    assert cache.get((first, torch.zeros(3)), "a", make) == 2, "another tensor, though equal"
    second.add_(1)
    assert cache.get((first, second), "a", make) == 3, "changed in place"
    first.add_(1)
    assert cache.get((first, second), "a", make) == 4, "changed in place"
    assert cache.get(first, "a", make) == 5
