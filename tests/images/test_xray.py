"""Pixels and geometry change together: a world point stays on its pixel."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from xa_files import make_xray

from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, invert, rigid_motion, transform_points
from diffpose_nb.images import XRay

SHAPE = (13, 9)


def oblique(mirrored: bool) -> XRay:
    """An X-ray with nothing symmetric about it."""
    camera = Camera(1000, (0.5, 0.4), SHAPE, (3.2, 7.7), mirrored=mirrored)
    nominal = carm_pose(-35, 17, 650)
    pixels = torch.arange(SHAPE[0] * SHAPE[1], dtype=torch.float32).reshape(SHAPE)
    true = rigid_motion((3, -5, 2), (10, 4, -7)) @ nominal
    return XRay(pixels, camera, nominal, true_world_from_camera=true)


def points_of_pixels(xray: XRay) -> torch.Tensor:
    """World points, one on the ray of each pixel, at different depths, in the order of ``pixels.flatten()``."""
    on_detector = xray.camera.detector_points()
    depth = torch.linspace(0.5, 0.9, len(on_detector), dtype=torch.float64)[:, None]
    return transform_points(xray.world_from_camera, on_detector * depth)


def assert_follows(old: XRay, new: XRay) -> None:
    """Each world point of an old pixel that the new image shows projects to the pixel of the same value."""
    points = points_of_pixels(old)
    where = new.camera.project(points, new.world_from_camera)
    true_points = transform_points(old.true_world_from_camera @ invert(old.world_from_camera), points)
    torch.testing.assert_close(new.camera.project(true_points, new.true_world_from_camera), where)
    rounded = where.round()
    torch.testing.assert_close(where, rounded, atol=1e-8, rtol=0)
    columns, rows = rounded.long().unbind(-1)
    height, width = new.camera.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    assert inside.sum() == height * width
    assert torch.equal(new.pixels[rows[inside], columns[inside]], old.pixels.flatten()[inside])
    assert tuple(new.pixels.shape) == new.camera.shape


@settings(deadline=None, max_examples=40)
@given(mirrored=st.booleans(), steps=st.lists(st.sampled_from(["flip", "r1", "r2", "r3", "r-1", "crop"]), max_size=4))
def test_points_stay_on_their_pixels(mirrored: bool, steps: list[str]) -> None:
    old = new = oblique(mirrored)
    for step in steps:
        if step == "flip":
            new = new.flip()
        elif step == "crop":
            rows, columns = new.camera.shape
            new = new.crop(1, 2, rows - 2, columns - 3) if min(rows, columns) > 5 else new
        else:
            new = new.rot90(int(step[1:]))
    assert_follows(old, new)
    assert torch.linalg.det(new.world_from_camera[:3, :3]).item() == pytest.approx(1)


def test_rot90_is_numpys_and_four_turns_are_none() -> None:
    xray = oblique(True)
    assert torch.equal(xray.rot90().pixels, torch.rot90(xray.pixels))
    assert xray.rot90().camera.shape == (9, 13)
    assert xray.rot90().camera.pixel_spacing == (0.4, 0.5)
    around = xray.rot90(3).rot90()
    assert around.camera == xray.camera
    torch.testing.assert_close(around.world_from_camera, xray.world_from_camera)


def test_resize_averages_areas_and_keeps_points() -> None:
    xray = make_xray((12, 8))
    binned = xray.resize(4, 4)
    blocks = xray.pixels.reshape(4, 3, 4, 2).mean((1, 3))
    torch.testing.assert_close(binned.pixels, blocks)
    points = torch.tensor([[3.0, -2.0, 1.0], [0.0, 1.0, -2.0]])
    column, row = xray.camera.project(points, xray.world_from_camera).T
    moved = torch.stack([(column + 0.5) / 2 - 0.5, (row + 0.5) / 3 - 0.5], -1)
    torch.testing.assert_close(binned.camera.project(points, binned.world_from_camera), moved)


def test_resize_by_an_odd_ratio_keeps_mean_and_centroid() -> None:
    xray = make_xray((12, 10))
    odd = xray.resize(7, 9)
    assert odd.pixels.mean().item() == pytest.approx(xray.pixels.mean().item(), rel=1e-6)
    ramp = make_xray((12, 10), pixels=torch.arange(10.0).expand(12, 10)).resize(12, 5)
    torch.testing.assert_close(ramp.pixels[0], torch.tensor([0.5, 2.5, 4.5, 6.5, 8.5]))


def test_attenuation_of_linear_pixels_is_the_line_integral() -> None:
    integral = torch.rand(12, 10, generator=torch.Generator().manual_seed(0)) * 4
    integral[0, 0] = 0
    xray = make_xray(pixels=30000 * torch.exp(-integral))
    torch.testing.assert_close(xray.attenuation(), integral, atol=1e-5, rtol=0)
    assert xray.attenuation().dtype == torch.float32
    assert len(xray.notes) == len(set(xray.notes)) == 1


def test_attenuation_of_logarithms_takes_no_second_one() -> None:
    integral = torch.rand(12, 10, generator=torch.Generator().manual_seed(0)) * 4
    integral[0, 0] = 0
    for relationship, words in [("LOG", "logarithms (LOG) already"), ("DISP", "display values (DISP)")]:
        for sign in (1, -1):
            xray = make_xray(pixels=500 - sign * 100 * integral, relationship=relationship, sign=sign)
            torch.testing.assert_close(xray.attenuation(), 100 * integral, atol=1e-3, rtol=0)
            assert words in xray.notes[-1]


def test_attenuation_of_dark_pixels_is_finite_and_noted() -> None:
    pixels = make_xray().pixels.clone()
    pixels[0, 0], pixels[0, 1] = 0, -3
    xray = make_xray(pixels=pixels)
    attenuation = xray.attenuation()
    assert attenuation.isfinite().all()
    assert attenuation[0, 0] == attenuation.max() == attenuation[0, 1]
    assert "0 and below" in xray.notes[-1]
    assert math.isfinite(make_xray(pixels=torch.zeros(12, 10)).attenuation().sum())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pixels": torch.zeros(3, 3)}, r"pixels are \(3, 3\)"),
        ({"world_from_camera": torch.zeros(1, 4, 4)}, r"\(1, 4, 4\)"),
        ({"relationship": "lin"}, "'lin'"),
        ({"sign": 0}, "sign is 0"),
    ],
)
def test_parts_that_do_not_fit(changes: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_xray(**changes)
