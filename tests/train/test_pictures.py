import copy

import pytest
import torch
import torchio

from diffpose_nb.camera import Camera
from diffpose_nb.frames import invert, transform_points
from diffpose_nb.render import Renderer
from diffpose_nb.train import Pool, PoseRange, facing, label_centres, warp, widened
from diffpose_nb.train.pictures import turn_about_source

CAMERA = Camera(1020.0, (3.2, 3.2), (96, 96))


def _ncc(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()


def test_a_camera_that_faces_the_origin_does(poses):
    source = poses.sample(1, 3)[0, :3, 3]
    base = facing(source)
    torch.testing.assert_close(base[:3, 3], source)
    torch.testing.assert_close(base[:3, 2], -source / source.norm())
    assert abs(base[2, 0]) < 1e-12, "unrolled: its x axis is level"


def test_a_turn_puts_the_origin_where_it_should_be():
    distance, roll, x, y = (torch.tensor([v], dtype=torch.float64) for v in (690.0, 7.0, 40.0, -25.0))
    turn = turn_about_source(distance, roll, x, y)[0]
    origin = turn.mT @ torch.tensor([0, 0, 690.0], dtype=torch.float64)
    torch.testing.assert_close(origin[:2], torch.tensor([-40.0, 25.0], dtype=torch.float64))
    assert torch.linalg.det(turn).item() > 0


def test_pictures_of_the_pool_are_the_drrs_of_their_poses(example):
    """The warped wide DRR against one that is rendered at the pose it is said to have; the CT is not symmetric."""
    pool = Pool(example, CAMERA, PoseRange(), size=6, seed=4, bones=(1.0,))
    pool.render(6)
    made = pool.draw(6, torch.Generator().manual_seed(0))
    rendered = Renderer(example, CAMERA, voxel=2.5)(made.poses)
    assert made.valid.float().mean() > 0.8
    for image, valid, true in zip(made.images, made.valid, rendered, strict=True):
        assert _ncc(image[valid], true[valid]) > 0.998
        assert _ncc(image[valid], true.flip(-1)[valid]) < 0.95


@pytest.mark.parametrize("levels", [["vertebrae_L1"], ["vertebrae_T12", "vertebrae_T9", "vertebrae_T6"]])
def test_pictures_of_a_level_are_the_drrs_of_their_poses(example, levels):
    """A small field, aimed at one vertebra or at some of several; each is seen where the poses say."""
    poses = PoseRange(shift=(15, 10), depth=40, isocenter=label_centres(example, levels))
    camera = Camera(1020.0, (3.6, 3.6), (64, 64))
    pool = Pool(example, camera, poses, size=6, seed=4, bones=(1.0,))
    pool.render(6)
    made = pool.draw(6, torch.Generator().manual_seed(0))
    assert len(set(made.poses[:, 2, 3].tolist())) > 2
    rendered = Renderer(example, camera, voxel=2.5)(made.poses)
    assert made.valid.float().mean() > 0.9
    for image, valid, true in zip(made.images, made.valid, rendered, strict=True):
        assert _ncc(image[valid], true[valid]) > 0.997
        assert _ncc(image[valid], true.flip(-1)[valid]) < 0.98, "the patient's left is not taken for the right"
    offsets = poses.parameters(made.poses, poses.isocenter_of(made.poses))
    assert (offsets[:, 3].abs() < 16).all() and (offsets[:, 5].abs() < 45).all()
    if len(levels) == 1:
        assert (offsets[:, 4].abs() < 11).all()


def test_a_camera_faces_the_isocentre_that_it_is_given(poses):
    isocenter = torch.tensor([10.0, -70.0, 33.0]).double()
    source = isocenter + torch.tensor([100.0, -600.0, 150.0])
    base = facing(source, isocenter)
    torch.testing.assert_close(base[:3, 3], source)
    torch.testing.assert_close(base[:3, 2], (isocenter - source) / (isocenter - source).norm())
    assert abs(base[2, 0]) < 1e-12


def test_the_pool_draws_from_the_range():
    poses = PoseRange()
    torch.manual_seed(0)
    sources = poses.sample(400, 1)[:, :3, 3]
    roll, x, y = poses.parameters(poses.sample(400, 2))[:, 2:5].unbind(-1)
    turns = turn_about_source(sources.norm(dim=-1), roll, x, y)
    made = torch.stack([facing(source) for source in sources])
    made[:, :3, :3] = made[:, :3, :3] @ turns
    offsets = poses.parameters(made) / poses.half
    assert offsets.abs().max() < 1.5, "a shift is a turn about the source, so the view moves by up to 6°"
    assert (offsets.abs() > 1).double().mean(0).max() < 0.2
    assert offsets.std(0).min() > 0.5


def test_the_pool_can_be_made_again(example, camera, poses):
    first, second = (Pool(example, camera, poses, size=5, seed=1) for _ in range(2))
    first.render(5)
    first.render(4)
    second.skip_to(9)
    drawn = [pool.draw(8, torch.Generator().manual_seed(2)) for pool in (first, second)]
    for one, other in zip(*drawn, strict=True):
        assert torch.equal(one, other)


def test_a_warp_follows_the_intrinsics(example, poses):
    """A finer, cropped, shifted camera, of the other handedness: resampled, it sees the same."""
    pose = poses.sample(1, 8)
    fine = Camera(1000.0, (1.0, 1.2), (330, 300), (140.0, 170.0), mirrored=False)
    seen = Renderer(example, fine, voxel=2.5)(pose)
    image, valid = warp(seen, fine, CAMERA, torch.eye(3, dtype=torch.float64))
    true = Renderer(example, CAMERA, voxel=2.5)(pose)
    assert valid.float().mean() > 0.8
    assert _ncc(image[valid], true[valid]) > 0.998
    assert _ncc(image[valid], true.flip(-1)[valid]) < 0.95


def test_a_wider_camera_keeps_its_pixels():
    wide = widened(CAMERA, 1.5)
    assert wide.shape == (144, 144)
    assert wide.crop(24, 24, 96, 96) == CAMERA
    point = transform_points(invert(torch.eye(4)), torch.tensor([[10.0, 20.0, 500.0]]))
    torch.testing.assert_close(wide.project(point, torch.eye(4)) - 24, CAMERA.project(point, torch.eye(4)))


def test_a_ct_of_air_is_refused(example, poses):
    empty = copy.copy(example)
    affine = example["density"].affine
    empty["density"] = torchio.ScalarImage(tensor=torch.zeros_like(example["density"].data), affine=affine)
    with pytest.raises(ValueError, match="attenuates nothing"):
        Pool(empty, CAMERA, poses)
