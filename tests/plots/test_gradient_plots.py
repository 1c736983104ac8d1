import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from diffpose_nb.camera import Camera, camera_axes
from diffpose_nb.frames import carm_pose, exp_se3, invert
from diffpose_nb.plots import gradients as gradient_plots

CAMERA, POSE = Camera(1020, (2, 2), (20, 20)), carm_pose(0, 0, 700)
NAMES = ["pitch", "yaw", "roll", "x", "y", "depth"]


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_zero_is_white_and_the_scale_symmetric():
    image = torch.zeros(20, 20)
    image[0, 0] = -3
    ax = gradient_plots.derivative(image, CAMERA, plt.subplots()[1], limit=4.0)
    shown = ax.images[0]
    assert shown.get_clim() == (-4, 4)
    colors = shown.cmap(shown.norm(shown.get_array()))
    np.testing.assert_allclose(colors[5, 5], 1, atol=0.02)
    assert colors[0, 0, 2] > colors[0, 0, 0]  # less is blue


@pytest.mark.parametrize("image", [None, torch.ones(20, 20)])
def test_each_row_has_one_scale(image):
    six = torch.arange(1.0, 7.0)[:, None, None].expand(6, 20, 20)
    figure = gradient_plots.derivatives(six, CAMERA, NAMES, ("a", "b"), image)
    limits = {ax.get_title(): ax.images[0].get_clim()[1] for ax in figure.axes if ax.get_title() in NAMES}
    assert [limits[name] for name in NAMES] == pytest.approx([3] * 3 + [6] * 3)
    assert sum(ax.get_title() == "DRR" for ax in figure.axes) == (image is not None)


def test_shadows_go_where_the_camera_sends_them():
    axes = camera_axes(POSE)
    figure = gradient_plots.motions(
        lambda twist: axes @ exp_se3(twist) @ invert(axes) @ POSE, CAMERA, axes, NAMES, [0.01] * 3 + [1.0] * 3
    )
    arrows = {ax.get_title(): [np.stack([q.U, q.V], 1) for q in ax.collections] for ax in figure.axes}
    near_detector, near_source = arrows["x"]
    assert (near_detector[:, 0] > 0).all()  # the image is mirrored: the shadow goes right as well
    assert (near_source[:, 0] > near_detector[:, 0]).all()
    assert (arrows["y"][0][:, 1] < 0).all()
    assert (arrows["yaw"][0][:, 0] * arrows["yaw"][1][:, 0] < 0).all()  # opposite ways
    expected = 10 * 1020 / (700 + 80)
    np.testing.assert_allclose(near_detector[:, 0], expected, rtol=1e-6)


def test_correlations_are_written_out():
    matrix = torch.tensor([[1.0, -0.25], [-0.25, 1.0]])
    ax = gradient_plots.correlations(matrix, ["x", "y"], plt.subplots()[1])
    assert [text.get_text() for text in ax.texts] == ["", "−0.25", "−0.25", ""]
