import numpy as np
import pytest
import pyvista as pv
import torch

from diffpose_nb import scenes
from diffpose_nb.camera import Camera, rigid_motion
from diffpose_nb.images import XRay


def _picture(plotter):
    image = plotter.screenshot(return_img=True)
    plotter.close()
    return image.astype(int)


def _view():
    camera = Camera(1400, (2.0, 2.0), (200, 200), mirrored=False)
    pixels = torch.arange(200.0)[:, None].expand(200, 200)
    return XRay(pixels, camera, rigid_motion([0, 0, 0], [0, 0, -1000]))


def test_the_frame_s_y_runs_down():
    """Of two balls the one with the larger y, as a larger row, is the lower one in the picture."""
    red, green = pv.Sphere(radius=10, center=(0, -60, 0)), pv.Sphere(radius=10, center=(0, 60, 0))
    image = _picture(scenes.fluoroscopes([(red, "red"), (green, "green")], size=(300, 300)))
    rows = [np.nonzero(image[..., k] > image[..., 1 - k] + 40)[0].mean() for k in (0, 1)]
    assert rows[0] < rows[1] - 50


def test_sources_and_detectors_are_drawn_and_bones_stay():
    ball = pv.Sphere(radius=60)
    alone = _picture(scenes.fluoroscopes([(ball, "red")], size=(300, 300)))
    among = _picture(scenes.fluoroscopes([(ball, "red")], [_view()], size=(300, 300)))
    red = [(image[..., 0] > image[..., 1] + 40).sum() for image in (alone, among)]
    blue = (among[..., 2] > among[..., 0] + 40).sum()
    assert red[0] > 5 * red[1] > 0 and blue > 50


@pytest.mark.parametrize("degrees", [(0, 60), (-37, 72), (100, 190)])
def test_no_detector_hides_the_bones(degrees):
    """Nearly as much is seen of a ball as where the detectors are so small that they can hide nothing."""
    red = []
    for spacing in (2.0, 0.01):
        camera = Camera(1400, (spacing, spacing), (200, 200), mirrored=False)
        turned = [rigid_motion([0, angle, 0], [0, 0, 0]) @ _view().world_from_camera for angle in degrees]
        views = [XRay(torch.zeros(200, 200), camera, pose) for pose in turned]
        ball = pv.Sphere(radius=60)
        everything = pv.Sphere(radius=1100)  # keeps the scale
        drawn = scenes.fluoroscopes([(ball, "red"), (everything, "white")], views, size=(400, 400))
        drawn.renderer.actors[list(drawn.renderer.actors)[1]].SetVisibility(False)
        image = _picture(drawn)
        red.append((image[..., 0] > image[..., 1] + 40).sum())
    assert red[0] > 0.9 * red[1] > 100


def test_arrows_show_the_motion():
    ball = pv.Sphere(radius=20)
    motion = (np.zeros((1, 3)), np.array([[0.0, 80.0, 0.0]]))
    still, moved = (_picture(scenes.fluoroscopes([(ball, "blue")], motion=m, size=(300, 300))) for m in (None, motion))
    orange = [(image[..., 0] > image[..., 2] + 60).sum() for image in (still, moved)]
    assert orange[0] == 0 and orange[1] > 100
