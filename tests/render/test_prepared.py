"""Copies of a CT are kept as long as what they were made of, and no longer."""

import gc

import torch
import torchio

from diffpose_nb.camera import Camera, carm_pose
from diffpose_nb.render import Renderer
from diffpose_nb.render.volumes.cache import MadeFrom

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
