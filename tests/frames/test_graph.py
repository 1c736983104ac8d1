"""The graph of frames, against the files' own words and the parts of which it is made."""

from itertools import product
from typing import get_args

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from views import random_view

from diffpose_nb import ct, frames

FRAMES = get_args(frames.Frame)


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A CT that lies askew in the scanner, with one dense voxel, and that voxel's place by SimpleITK and by nibabel."""
    path = tmp_path_factory.mktemp("ct") / "askew.nii.gz"
    turn = frames.rigid_motion([4, -7, 12], [0, 0, 0])[:3, :3].numpy()
    array = np.full((9, 11, 13), -1000, np.float32)  # SimpleITK: slice, row, column
    array[7, 2, 10] = 1000
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.5, 2.0, 2.5))
    image.SetOrigin((-120.0, 35.0, 410.0))
    image.SetDirection(turn.flatten().tolist())
    sitk.WriteImage(image, str(path))
    lps = image.TransformIndexToPhysicalPoint((10, 2, 7))
    ras = nibabel.affines.apply_affine(nibabel.load(path).affine, (10, 2, 7))
    return ct.load_ct(path), torch.tensor(lps, dtype=torch.float64), torch.tensor(ras, dtype=torch.float64)


@pytest.fixture
def given(scan):
    camera, pose = random_view(5)
    return {"subject": scan[0], "camera": camera, "world_from_camera": pose, "isocenter": (10.0, -20.0, 30.0)}


def test_a_voxel_in_the_scanner_s_coordinates(scan):
    subject, lps, ras = scan
    voxel = (subject.volume.data[0] > 0).nonzero().double()
    found = {
        frame: frames.transform_points(frames.target_from_source(frame, "voxel", subject=subject), voxel)[0]
        for frame in ("lps", "ras", "world")
    }
    torch.testing.assert_close(found["lps"], lps, atol=1e-3, rtol=0)
    torch.testing.assert_close(found["ras"], ras, atol=1e-3, rtol=0)
    middle = (torch.tensor(subject.volume.spatial_shape).double() - 1) / 2
    at_origin = frames.transform_points(frames.target_from_source("world", "voxel", subject=subject), middle[None])
    torch.testing.assert_close(at_origin, torch.zeros(1, 3, dtype=torch.float64), atol=1e-4, rtol=0)


def test_a_voxel_in_the_picture(seed, scan):
    """Pixels and detector mm by one matrix, as the camera projects them and as the detector's place says."""
    subject, _, _ = scan
    camera, pose = random_view(seed)
    view = {"subject": subject, "camera": camera, "world_from_camera": pose}
    voxels = torch.rand(6, 3, dtype=torch.float64) * 9
    world = frames.transform_points(frames.target_from_source("world", "voxel", subject=subject), voxels)
    pixels = frames.project_points(frames.target_from_source("pixel", "voxel", **view), voxels)
    torch.testing.assert_close(pixels, camera.project(world, pose))
    right_down = frames.project_points(frames.target_from_source("detector", "voxel", **view), voxels)
    source, _, columns, rows = frames.to_positions(camera, pose)
    forward = pose[:3, 2]
    ray = (world - source) * (camera.sid / ((world - source) @ forward))[:, None]
    foot = ray - camera.sid * forward
    torch.testing.assert_close(right_down, torch.stack([foot @ columns, foot @ rows], -1))


def test_k_padded_is_pixel_from_camera(given):
    camera = given["camera"]
    expected = torch.eye(4, dtype=torch.float64)
    expected[:3, :3] = camera.K
    torch.testing.assert_close(frames.target_from_source("pixel", "camera", camera=camera), expected)


def test_the_isocentre_has_the_positioner_angles():
    """In its frame the source is at -SOD d of the standard."""
    isocenter = (10.0, -20.0, 30.0)
    pose = frames.carm_pose(30, 20, 700, isocenter)
    matrix = frames.target_from_source("isocenter", "camera", world_from_camera=pose, isocenter=isocenter)
    alpha, beta = np.deg2rad(30), np.deg2rad(20)
    d = [np.sin(alpha) * np.cos(beta), -np.cos(alpha) * np.cos(beta), np.sin(beta)]
    torch.testing.assert_close(matrix[:3, 3], -700 * torch.tensor(d))
    torch.testing.assert_close(matrix[:3, 2], torch.tensor(d))


@pytest.mark.parametrize(("target", "source"), list(product(FRAMES, FRAMES)))
def test_any_two_frames_there_and_back_and_through_a_third(given, target, source):
    matrix = frames.target_from_source(target, source, **given)
    back = frames.target_from_source(source, target, **given)
    identity = torch.eye(4, dtype=torch.float64)
    torch.testing.assert_close(matrix @ back, identity, atol=1e-6, rtol=0)
    for third in FRAMES:
        by_way = frames.target_from_source(target, third, **given) @ frames.target_from_source(third, source, **given)
        torch.testing.assert_close(by_way, matrix, atol=1e-6, rtol=1e-6)


def test_only_what_lies_between_is_asked_for(given):
    assert frames.target_from_source("ras", "lps").equal(frames.ras_from_lps)
    frames.target_from_source("detector", "pixel", camera=given["camera"])
    frames.target_from_source("voxel", "ras", subject=given["subject"])
    for missing, target, source in [
        ("subject", "lps", "world"),
        ("camera", "pixel", "camera"),
        ("world_from_camera", "camera", "voxel"),
    ]:
        with pytest.raises(ValueError, match=f"{target}_from_{source} .* pass {missing}="):
            frames.target_from_source(target, source, **{k: v for k, v in given.items() if k != missing})


def test_an_unknown_frame_is_refused():
    with pytest.raises(ValueError, match="'room' is no frame: there are voxel, lps"):
        frames.target_from_source("room", "lps")


def test_poses_in_batches_with_gradients(given):
    primary = torch.tensor([0.0, 20.0], dtype=torch.float64, requires_grad=True)
    matrix = frames.target_from_source(
        "pixel", "voxel", **{**given, "world_from_camera": frames.carm_pose(primary, 10, 700)}
    )
    assert matrix.shape == (2, 4, 4)
    frames.project_points(matrix, torch.ones(5, 3)).sum().backward()
    assert primary.grad.abs().min() > 0
