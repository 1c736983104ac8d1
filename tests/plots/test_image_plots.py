import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import PIL.Image
import pytest
import torch
import torchio
from matplotlib.colors import to_rgb

from diffpose_nb import data, dicom, frames, plots, register, render
from diffpose_nb.register import Strategy


@pytest.fixture(scope="module")
def xray():
    return dicom.read_xray(data.EXAMPLE_XRAY)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("angles", "letters"),
    [((0, 0), "RLHF"), ((90, 0), ("A", "P", "H", "F")), ((-90, 0), ("P", "A", "H", "F")), ((180, 0), "LRHF")],
    ids=["frontal", "LAO 90", "RAO 90", "from behind"],
)
def test_the_letters_say_which_way_the_patient_lies(xray, angles, letters):
    """Patient Orientation of PS3.3 C.7.6.1.1.1: 0/0 is L\\F, LAO 90 P\\F, RAO 90 A\\F (the right and lower edges)."""
    ax = plots.picture(xray.pixels, xray.camera, world_from_camera=frames.carm_pose(*angles, 700))
    assert tuple(text.get_text() for text in ax.texts) == tuple(letters)
    turned = plots.picture(xray.pixels, xray.camera.flip(), world_from_camera=frames.carm_pose(*angles, 700))
    left, right, *_ = (text.get_text() for text in turned.texts)
    assert (right, left) == tuple(letters[:2]), "an image seen from the source is mirrored"


def test_oblique_letters_name_the_stronger_direction_first():
    assert plots.orientation(torch.tensor([-0.9, 0.4, 0.0])) == "LA"
    assert plots.orientation(torch.tensor([0.3, -0.3, 0.9])) == "HRP"


def test_a_picture_is_in_millimetres_and_pale_where_nothing_was_seen(xray):
    hidden = xray.pixels.clone()
    hidden[:, :40] = torch.nan
    ax = plots.picture(hidden, xray.camera)
    image = ax.images[0]
    width = xray.camera.shape[1] * xray.camera.pixel_spacing[1]
    np.testing.assert_allclose(image.get_extent()[:2], [-width / 2, width / 2])
    assert image.cmap(np.nan)[:3] == to_rgb(plots.NOT_COMPARED)
    assert np.isfinite(image.get_clim()).all()


def test_an_overlay_is_grey_where_the_two_agree_and_coloured_where_not():
    generator = torch.Generator().manual_seed(0)
    one = torch.rand(1, 1, 12, 12, generator=generator)
    one = torch.nn.functional.interpolate(one, (96, 96), mode="bicubic")[0, 0]
    other = one.roll(9, 1)

    def colour(rgb):
        return float(np.abs(rgb[..., 0] - rgb[..., 2]).mean())

    assert colour(plots.overlay(one, 3 * one + 2)) < 1e-6  # brightness and contrast do not matter
    assert colour(plots.overlay(one, other)) > 0.1
    edge = torch.zeros(64, 64)
    edge[:, 30:34] = 1
    red, _, blue = plots.overlay(edge, torch.zeros(64, 64) + 1e-6 * edge.T)[10, 32]
    assert red > blue, "what only the DRR has is orange"
    hidden = one.clone()
    hidden[:20] = torch.nan
    rgb = plots.overlay(one, hidden)
    assert (rgb[:20] == to_rgb(plots.NOT_COMPARED)).all() and np.isfinite(rgb).all()


def test_landmarks_are_drawn_where_they_project(xray):
    subject_landmarks = pd.DataFrame({"name": ["a", "b"], "x": [0.0, 30], "y": [0.0, 10], "z": [0.0, -40]})
    ax = plots.picture(xray.pixels, xray.camera)
    truth, estimate = xray.world_from_camera, frames.rigid_motion([0, 0, 0], [0, 0, 10]) @ xray.world_from_camera
    plots.landmark_errors(ax, subject_landmarks, xray.camera, estimate, truth)
    *lines, dots = ax.lines
    spacing = xray.camera.pixel_spacing[1]
    pixels = xray.camera.project(torch.tensor([[30.0, 10, -40]]), truth)[0]
    expected = (pixels.numpy() - (np.array(xray.camera.shape[::-1]) - 1) / 2) * spacing
    np.testing.assert_allclose(np.array(dots.get_data())[:, 1], expected, atol=1e-4)
    assert len(lines) == 2


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, -1, 1), (-1, 1, -1)], ids=["RAS", "LPS", "LAI"])
@pytest.mark.parametrize(
    ("view", "point", "place"),
    [  # world mm of a bright voxel; its place in the picture, across and up, -1 to 1
        (0, (-6, 0, 4), (0.75, 0.5)),  # from the front: the patient's left is on the right, the head up
        (1, (0, 6, 4), (-0.75, 0.5)),  # from the left: the front is on the left
        (2, (-6, 4, 0), (0.75, 0.5)),  # from the feet: left on the right, the front up
    ],
    ids=["coronal", "sagittal", "axial"],
)
def test_slices_hang_as_radiologists_hang_them(flips, view, point, place):
    affine = np.diag([*flips, 1.0]) @ np.array([[1, 0, 0, -8], [0, 1, 0, -8], [0, 0, 1, -8], [0, 0, 0, 1.0]])
    values = torch.zeros(1, 17, 17, 17)
    i, j, k = (np.linalg.inv(affine) @ [*point, 1])[:3].round().astype(int)
    values[0, i, j, k] = 1000
    subject = torchio.Subject(volume=torchio.ScalarImage(tensor=values, affine=affine))
    image = plots.slices(subject).axes[view].images[0]
    ((row, column),) = np.argwhere(np.asarray(image.get_array()) > 500)
    assert image.origin == "upper"
    np.testing.assert_allclose(((column - 8) / 8, (8 - row) / 8), place)


def test_pictures_of_a_refinement(example, xray, monkeypatch):
    shown = []

    class Handle:
        def update(self, image):
            shown.append(image)

    monkeypatch.setattr(plots.registration, "display", lambda image, display_id: Handle())
    found = register.refine(
        example,
        xray,
        search=Strategy(stages=register.STAGES[:2], restarts=0),
        progress=False,
        callback=plots.LiveView(height=90),
    )
    accepted = found.trace.accepted.sum()
    assert len(shown) == accepted
    sizes = {PIL.Image.open(io.BytesIO(image.data)).size for image in shown}
    assert sizes == {(270, 90)}
    assert shown[0].data != shown[-1].data
    figure = plots.convergence(found)
    assert [ax.get_title() for ax in figure.axes] == ["stage 1", "stage 2"]
    film = plots.film(found, render.Renderer(example, xray.camera), xray.attenuation(), frames=3)
    titles = [ax.get_title() for ax in film.axes]
    assert titles[0] == "rendering 1" and len(titles) == 3
