"""Calibrations, bones and frames in Autoscoper's formats; what is written is read as it was."""

import warnings

import numpy as np
import pytest
import torch

from diffpose_nb import sets
from diffpose_nb.camera import Camera, carm_pose, invert, transform_points
from diffpose_nb.sets.biplane import mayacam

TEXT = """image size
40,30

camera matrix
900.5,0,19
0,901,14.5
0,0,1

rotation
0,1,0
0,0,-1
-1,0,0

translation
1
-2
300
"""


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "cam.txt"
    path.write_text(TEXT)
    return path


def test_a_calibration_is_opencv_s(text_file):
    """pixel ~ K (R X + t), worked out by hand for one point."""
    found = mayacam.read_calibration(text_file)
    assert found.camera.shape == (30, 40)
    point = torch.tensor([[-10.0, 3.0, 4.0]]).double()
    x, y, z = 3.0 + 1, -4.0 - 2, 10.0 + 300
    expected = torch.tensor([[900.5 * x / z + 19, 901 * y / z + 14.5]]).double()
    torch.testing.assert_close(found.camera.project(point, found.fluoroscope_from_camera), expected)


def test_the_sid_changes_no_projection(text_file):
    point = torch.tensor([[-10.0, 3.0, 4.0]]).double()
    near, far = (mayacam.read_calibration(text_file, sid) for sid in (1000.0, 1400.0))
    for one in (near, far):
        assert one.camera.sid in (1000.0, 1400.0)
    torch.testing.assert_close(*(one.camera.project(point, one.fluoroscope_from_camera) for one in (near, far)))


def test_a_written_calibration_is_read_as_it_was(tmp_path):
    camera = Camera(1400, (0.25, 0.2), (300, 400), (170.0, 160.5), mirrored=False)
    pose = carm_pose(30, 10, 700)
    mayacam.write_calibration(tmp_path / "cam.txt", mayacam.Calibration(camera, pose))
    found = mayacam.read_calibration(tmp_path / "cam.txt")
    torch.testing.assert_close(found.camera.K, camera.K)
    torch.testing.assert_close(found.fluoroscope_from_camera, pose, atol=1e-8, rtol=0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rotation", "turn", r"\['rotation'\] are missing"),
        ("-1,0,0", "-1,0", "3 lines of 3 numbers"),
        ("900.5", "nine", "not numbers alone"),
        ("900.5,0,19", "900.5,3,19", "no camera"),
        ("-1,0,0", "1,0,0", "not a rotation"),
        ("40,30", "40,30,8", "1 lines of 2 numbers"),
    ],
)
def test_an_error_names_file_and_part(text_file, old, new, said):
    text_file.write_text(TEXT.replace(old, new))
    with pytest.raises(sets.SetError, match=said) as caught:
        mayacam.read_calibration(text_file)
    assert str(text_file) in str(caught.value)


def test_a_missing_calibration_is_named(tmp_path):
    with pytest.raises(sets.SetError, match=r"nowhere\.txt"):
        mayacam.read_calibration(tmp_path / "nowhere.txt")


def test_a_stack_is_read_with_its_axes(tmp_path):
    """One bright voxel lies where its index and the spacing say."""
    values = np.zeros((5, 7, 9))
    values[1:4, 2:6, 3:8] = 1300
    values[3, 2, 7] = 2500
    mayacam.write_stack(tmp_path / "bone.tif", values)
    bone = mayacam.read_bone(tmp_path / "bone.tif", "talus", (0.5, 0.25, 2.0))
    np.testing.assert_array_equal(bone["volume"].data[0].numpy() + mayacam.WATER, values)
    place = transform_points(torch.from_numpy(bone["volume"].affine), torch.tensor([[3.0, 2.0, 7.0]]))
    torch.testing.assert_close(place, torch.tensor([[0.5, -0.25, 6.0]]).double())
    assert bone["density"].data[0, 3, 2, 7] == pytest.approx(2.5 * 0.0193)
    assert int(bone["mask"].data.sum()) == 3 * 4 * 5
    assert bone["structures"].structure.tolist() == ["talus"]


def test_an_empty_stack_is_refused(tmp_path):
    mayacam.write_stack(tmp_path / "bone.tif", np.zeros((3, 3, 3)))
    with pytest.raises(sets.SetError, match="every voxel is 0"):
        mayacam.read_bone(tmp_path / "bone.tif", "talus", (1.0, 1.0, 1.0))


def test_a_frame_has_the_calibration_s_size(tmp_path, text_file):
    calibration = mayacam.read_calibration(text_file)
    pixels = np.arange(30 * 40).reshape(30, 40) % 256
    mayacam.write_stack(tmp_path / "frame.tif", pixels)
    found = mayacam.read_frame(tmp_path / "frame.tif", calibration)
    np.testing.assert_array_equal(found.pixels.numpy(), pixels)
    torch.testing.assert_close(invert(found.world_from_camera)[:3, 3], torch.tensor([1.0, -2.0, 300.0]).double())
    mayacam.write_stack(tmp_path / "frame.tif", pixels[:20])
    with pytest.raises(sets.SetError, match="20 rows and 40 columns"):
        mayacam.read_frame(tmp_path / "frame.tif", calibration)


def test_a_damaged_tiff_is_named(tmp_path, text_file):
    (tmp_path / "frame.tif").write_bytes(b"II*\x00" + bytes(20))
    with pytest.raises(sets.SetError, match=r"frame\.tif: it cannot be read as a TIFF"):
        mayacam.read_frame(tmp_path / "frame.tif", mayacam.read_calibration(text_file))


def test_a_truncated_tiff_is_named(tmp_path, text_file):
    rng = np.random.default_rng(0)
    mayacam.write_stack(tmp_path / "frame.tif", rng.integers(0, 255, (30, 40)))
    whole = (tmp_path / "frame.tif").read_bytes()
    (tmp_path / "frame.tif").write_bytes(whole[: len(whole) // 2])
    with warnings.catch_warnings(action="ignore"), pytest.raises(sets.SetError, match=r"frame\.tif"):
        mayacam.read_frame(tmp_path / "frame.tif", mayacam.read_calibration(text_file))
