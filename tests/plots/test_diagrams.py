import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from diffpose_nb import frames
from diffpose_nb.camera import Camera
from diffpose_nb.plots import diagrams

SID, SOD = 1020.0, 700.0
CAMERA = Camera(SID, (0.97, 0.97), (320, 320))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(ax):
    return {
        text.get_text(): np.array(text.xyann if hasattr(text, "xyann") else text.get_position()) for text in ax.texts
    }


def lines(ax, marker):
    return [np.array(line.get_data()).T for line in ax.lines if line.get_marker() == marker]


def test_a_shadow_is_as_large_as_the_camera_makes_it():
    depth, bottom, top = 580.0, 55.0, 75.0
    (ax, *_) = diagrams.side_view(CAMERA, SOD, {"thing": (depth, bottom, top), "point": (depth, -40, -40)}).axes
    ends = torch.tensor([[0, -bottom, depth], [0, -top, depth], [0, 40, depth]])  # y is down
    rows = CAMERA.project(ends, torch.eye(4))[:, 1]
    heights = (159.5 - rows) * 0.97
    assert f"{heights[1] - heights[0]:.1f} mm" in texts(ax)
    assert f"{heights[2]:.1f} mm" in texts(ax)
    assert {f"SOD {SOD:g}", f"SID {SID:g}", "thing", "source", "detector"} <= set(texts(ax))


def test_rulers_follow_the_camera():
    (ax,) = diagrams.pixel_rulers(columns=8, into=2, point=5).axes
    narrow = Camera(SID, (1, 1), (1, 8), principal_point=(5, 0)).resize(1, 2)
    assert f"here: {narrow.principal_point[0]:g}" in texts(ax)
    assert len(ax.patches) == 8 + 2


def test_points_are_drawn_on_their_pixels_and_only_on_the_image():
    image = torch.arange(12.0).reshape(3, 4)
    points = torch.tensor([[0.0, 0.0], [3.0, 2.0], [3.6, 1.0], [1.0, -0.6]])
    figure = diagrams.in_pixels({"a": image, "b": image}, {"a": points}, {"a": points + 1})
    (dots,) = (dots for dots in lines(figure.axes[0], "o"))
    np.testing.assert_array_equal(dots, points[:2])
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top, "rows go down"
    moves = lines(figure.axes[0], "None")
    np.testing.assert_array_equal(moves, [[[0, 0], [1, 1]], [[3, 2], [4, 3]]])
    assert not any(len(dots) for dots in lines(figure.axes[1], "o"))


@pytest.mark.parametrize("angles", [(0, 0), (20, 10), (-35, -20), (90, 0), (170, 30)])
def test_the_c_arm_stands_where_its_pose_says(angles):
    above, beside = diagrams.carm(*angles, SID, SOD).axes
    x, y, z = (frames.ras_from_lps @ frames.carm_pose(*angles, SOD))[:3, 3].tolist()  # the source, LPS
    np.testing.assert_allclose(lines(above, "o")[0], [[x, -y]], atol=1e-9)  # left to the right, front up
    level = np.array([np.sin(np.deg2rad(angles[0])), -np.cos(np.deg2rad(angles[0]))])
    np.testing.assert_allclose(lines(beside, "o")[0], [[-level @ [x, y], z]], atol=1e-9)  # head up
    assert np.hypot(*lines(beside, "o")[0][0]) == pytest.approx(SOD), "the plane of the tilt holds the beam"
    for ax in (above, beside):
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        ((across, up),) = lines(ax, "o")[0]
        assert left < across < right and low < up < high


def test_axes_are_named_where_they_are_drawn():
    image = diagrams.carm(20, 10, SID, SOD, image_axes=True)
    cam = diagrams.carm(20, 10, SID, SOD, camera_axes=True)
    for ax in image.axes:
        assert {"d", "u", "v"} <= set(texts(ax))
    for ax in cam.axes:
        assert {"d", "x", "y", "z"} <= set(texts(ax))
    above, beside = image.axes
    assert len(lines(above, ".")) == 1, "rows increase towards the feet, from where the patient is seen"
    assert len(lines(beside, ".")) == 1, "columns increase towards the patient's left, from where it is seen"
    assert len(lines(cam.axes[1], "x")) == 1, "the camera's x points the other way"


def test_the_wrong_side_enlarges_what_is_near_the_right_detector():
    radius, depth = 60.0, 80.0
    figure = diagrams.wrong_side(SID, SOD, radius, depth)
    right, wrong = (
        float(next(text for text in texts(ax) if text.endswith(" mm")).removesuffix(" mm")) for ax in figure.axes
    )
    assert wrong - right == pytest.approx(2 * SID * radius * depth / (SOD**2 - depth**2), abs=0.1)
    pose = frames.carm_pose(0, 0, SOD)
    point = frames.transform_points(pose, torch.tensor([[radius, 0, SOD + depth]]))
    column = CAMERA.project(point, pose)[0, 0].item()
    assert right == pytest.approx(abs(column - 159.5) * 0.97, abs=0.06)
