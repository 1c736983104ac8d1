"""X-rays without a header: what is asked for, and that the pixels stay what they are."""

import numpy as np
import PIL.Image
import pytest
import torch

from diffpose_nb.camera import carm_pose
from diffpose_nb.dicom import DicomGeometryError, UnreadableDicom, read_picture

GIVEN = {"sid": 1000, "sod": 700, "primary": 20, "secondary": -5, "pixel_spacing": (0.4, 0.5)}
GIVEN |= {"values": "linear", "bright": "beam"}


@pytest.fixture
def grey():
    """(12, 10) numbers of 16 bits, all different."""
    return (500 * np.arange(120).reshape(12, 10)).astype(np.uint16)


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.npy"])
def test_sixteen_bits_are_kept(grey, tmp_path, name):
    path = tmp_path / name
    np.save(path, grey) if name.endswith("npy") else PIL.Image.fromarray(grey).save(path)
    xray = read_picture(path, **GIVEN)
    assert np.array_equal(xray.pixels.numpy(), grey.astype(np.float32))
    assert xray.camera.pixel_spacing == (0.4, 0.5) and xray.camera.mirrored
    assert torch.equal(xray.world_from_camera, carm_pose(20, -5, 700))
    assert xray.relationship == "LIN" and xray.sign == 1
    assert not [note for note in xray.notes if "8 bits" in note]


def test_an_array_or_a_tensor_is_read_like_its_file(grey):
    for picture in (grey, torch.from_numpy(grey.astype(np.int32))):
        assert np.array_equal(read_picture(picture, **GIVEN).pixels.numpy(), grey.astype(np.float32))


def test_what_is_bright_and_what_a_value_is_are_taken_as_said(grey):
    xray = read_picture(grey, **(GIVEN | {"values": "display", "bright": "bone", "pixel_spacing": 0.3}))
    assert (xray.relationship, xray.sign, xray.camera.pixel_spacing) == ("DISP", -1, (0.3, 0.3))
    assert xray.attenuation()[-1, -1] > xray.attenuation()[0, 0]


def test_a_mirrored_picture_is_seen_from_the_source(grey):
    xray = read_picture(grey, **GIVEN, mirrored=True, principal_point=(3, 4))
    assert not xray.camera.mirrored
    assert xray.camera.principal_point == (3, 4)
    assert any("seen from the source" in note for note in xray.notes)


@pytest.mark.parametrize(("orientation", "upright"), [(6, -1), (8, 1), (3, 2)])
def test_the_turn_in_exif_is_carried_out(tmp_path, orientation, upright):
    """EXIF 6: turn by 90° clockwise to see it upright; 8: counterclockwise; 3: by 180°."""
    small = np.arange(0, 240, 2, dtype=np.uint8).reshape(12, 10)
    image = PIL.Image.fromarray(small)
    exif = image.getexif()
    exif[274] = orientation
    image.save(tmp_path / "x.png", exif=exif)
    xray = read_picture(tmp_path / "x.png", **GIVEN)
    assert np.array_equal(xray.pixels.numpy(), np.rot90(small, upright).astype(np.float32))
    assert any(note.startswith("EXIF") for note in xray.notes)


def test_grey_in_three_channels_is_grey_and_colours_are_refused(tmp_path):
    small = np.arange(120, dtype=np.uint8).reshape(12, 10)
    rgb = np.repeat(small[..., None], 3, -1)
    PIL.Image.fromarray(rgb).save(tmp_path / "grey.png")
    xray = read_picture(tmp_path / "grey.png", **GIVEN)
    assert np.array_equal(xray.pixels.numpy(), small.astype(np.float32))
    assert any("8 bits" in note for note in xray.notes)
    rgb[3, 3, 0] = 255
    PIL.Image.fromarray(rgb).save(tmp_path / "colour.png")
    with pytest.raises(UnreadableDicom, match=r"colour\.png: has colours"):
        read_picture(tmp_path / "colour.png", **GIVEN)


def test_a_jpeg_is_read_with_a_warning(tmp_path):
    PIL.Image.fromarray(np.full((12, 10), 90, np.uint8)).save(tmp_path / "x.jpg")
    assert any(note.startswith("JPEG") for note in read_picture(tmp_path / "x.jpg", **GIVEN).notes)


def test_all_that_is_missing_is_asked_for_at_once(grey):
    with pytest.raises(DicomGeometryError) as error:
        read_picture(grey)
    asked = [problem.split(" is ")[0] for problem in error.value.problems]
    assert asked == ["sid", "sod", "primary", "secondary", "pixel_spacing", "values", "bright"]


def test_without_angles_only_the_rest_is_asked_for(grey):
    with pytest.raises(DicomGeometryError) as error:
        read_picture(grey, angles=False)
    assert not [problem for problem in error.value.problems if "ary is" in problem]
    some = {key: value for key, value in GIVEN.items() if key not in ("primary", "secondary")}
    xray = read_picture(grey, **some, angles=False)
    assert torch.equal(xray.world_from_camera, carm_pose(0, 0, 700))
    assert any(note.startswith("Angles") for note in xray.notes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sid": 5}, "sid is 5"),
        ({"sod": 1200}, "isocentre lies between"),
        ({"primary": 200}, "primary is 200"),
        ({"secondary": float("nan")}, "secondary is nan"),
        ({"pixel_spacing": (0.4,)}, "pixel_spacing"),
        ({"pixel_spacing": -1}, "pixel_spacing"),
        ({"values": "photons"}, "values is 'photons': it is 'linear' or 'log' or 'display'"),
        ({"bright": 1}, "bright is 1"),
        ({"principal_point": (1e6, 0)}, "principal_point"),
    ],
)
def test_implausible_arguments_are_named(grey, changes, says):
    with pytest.raises(DicomGeometryError, match=says):
        read_picture(grey, **(GIVEN | changes))


def _broken(tmp_path):
    PIL.Image.fromarray(np.zeros((12, 10), np.uint8)).save(tmp_path / "whole.png")
    (tmp_path / "short.png").write_bytes((tmp_path / "whole.png").read_bytes()[:40])
    (tmp_path / "text.png").write_text("no picture")
    np.save(tmp_path / "cube.npy", np.zeros((3, 3, 3)))
    np.save(tmp_path / "nan.npy", np.array([[1.0, np.nan], [1, 2]]))
    np.save(tmp_path / "words.npy", np.array([["a", "b"], ["c", "d"]]))
    np.save(tmp_path / "objects.npy", np.array([[{}, {}], [{}, {}]]), allow_pickle=True)
    PIL.Image.fromarray(np.zeros((4, 4), np.uint8)).save(
        tmp_path / "two.tif", save_all=True, append_images=[PIL.Image.fromarray(np.ones((4, 4), np.uint8))]
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.png", "there is no such file"),
        ("short.png", "cannot be read as a picture"),
        ("text.png", "cannot be read as a picture"),
        ("cube.npy", "is 3 x 3 x 3"),
        ("nan.npy", "NaN or infinite"),
        ("words.npy", "not grey values"),
        ("objects.npy", "cannot be read as a picture"),
        ("two.tif", "has 2 pages"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(tmp_path, name, says):
    _broken(tmp_path)
    with pytest.raises(UnreadableDicom, match=says) as error:
        read_picture(tmp_path / name, **GIVEN)
    assert name in str(error.value)
