"""The labs' light CT and its pictures are those of the package."""

import numpy as np
import torch

from diffpose_nb import ct, labs
from diffpose_nb.camera import Camera, carm_pose
from diffpose_nb.labs.coarse import MU_WATER
from diffpose_nb.render import Renderer


def test_its_poses_and_its_water_are_the_packages():
    for angles in [(0, 0), (20, 10), (-75, -30)]:
        assert np.allclose(labs.carm_pose(*angles, 700), carm_pose(*angles, 700).numpy())
    assert MU_WATER == ct.MU_WATER


def test_its_pictures_are_the_renderers():
    units, world_from_voxel = labs.hounsfield()
    subject = ct.make_subject(units, np.diag([-1.0, -1, 1, 1]) @ world_from_voxel)
    assert np.allclose(subject.density.affine, world_from_voxel), "the world's origin is its middle"
    assert np.allclose(subject.density.data[0].numpy(), labs.chest().density, atol=1e-6)
    view, pose = labs.View(spacing=10, shape=(30, 22)), carm_pose(20, 10, 700)
    theirs = Renderer(subject, Camera(view.sid, (10, 10), view.shape))(pose)[0, 0].numpy()
    ours = labs.drr(labs.chest(), pose.numpy(), view, step=2.0)
    assert np.abs(ours - theirs).max() < 0.02 * theirs.max()
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9995


def test_it_is_the_example_on_a_coarser_grid(example):
    _, world_from_voxel = labs.hounsfield()
    assert np.allclose(np.diag(world_from_voxel)[:3], np.diag(example.volume.affine)[:3] * [6, 6, 2])
    fine = (
        example.volume.data[0, :510, :510, :132].reshape(85, 6, 85, 6, 66, 2).float().clamp(min=-1024).mean((1, 3, 5))
    )
    assert (fine - torch.tensor(labs.hounsfield()[0])).abs().median() <= 6
