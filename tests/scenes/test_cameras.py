"""All cameras around one patient: what is drawn, and where."""

import numpy as np
import pytest
import pyvista as pv
import torch

from diffpose_nb import frames, scenes
from diffpose_nb.camera import Camera
from diffpose_nb.scenes.around import _drawn

CAMERA = Camera(1000, (2.0, 1.0), (100, 300), (180.0, 40.0))


def test_lines_begin_at_sources_and_end_at_detectors():
    pose = frames.carm_pose(30, 10, 700)
    thin, thick, sources = _drawn([(CAMERA, pose)])
    np.testing.assert_allclose(sources[0], pose[:3, 3])
    axis = thin[3]
    np.testing.assert_allclose(axis[0], sources[0])
    np.testing.assert_allclose(axis[1] - axis[0], 1000 * pose[:3, 2])  # to the principal point
    np.testing.assert_allclose(np.linalg.norm(thick[0][1] - thick[0][0]), 300)  # a row of 300 pixels of 1 mm
    first_row = CAMERA.project(torch.from_numpy(thick[0] * 0.999 + pose[:3, 3].numpy() * 0.001), pose)
    np.testing.assert_allclose(first_row[:, 1], -0.5, atol=1e-6)


@pytest.mark.parametrize("number", [1, 40])
def test_a_scene_can_be_turned_in_a_browser(number):
    views = [(CAMERA, frames.carm_pose(angle, 0, 700)) for angle in np.linspace(-60, 60, number)]
    plotter = scenes.cameras({"one": views, "other": views[:1]}, pv.Sphere(radius=120))
    # the patient, three meshes a group, an arrow and a letter for each of three directions
    assert len(plotter.renderer.actors) == 1 + 2 * 3 + 3 * 2
    page = scenes.live(plotter, "cameras around a ball").data
    assert "cameras around a ball" in page and len(page) < 4e6
