import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torchio

from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, transform_points
from diffpose_nb.plots import rays as ray_diagrams
from diffpose_nb.render import Renderer


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def subject():
    """A slab of lung, one bright voxel on the patient's right, in front; the array runs to the left and back."""
    values = torch.full((1, 40, 30, 20), 0.004)
    values[0, 8, 6, 12] = 0.05
    affine = np.diag([-4.0, -4.0, 5.0, 1.0])
    affine[:3, 3] = 78, 58, -47.5
    return torchio.Subject(density=torchio.ScalarImage(tensor=values, affine=affine))


BRIGHT = torch.tensor([46.0, 34.0, 12.5]).double()  # world mm: right, front, head


def test_a_profile_adds_up_to_the_pixel(subject):
    pose, camera = carm_pose(20, 10, 700), Camera(1020, (5, 5), (31, 31))
    pixel = transform_points(pose, camera.detector_points(torch.tensor([[20, 9]])))[0]
    distance, values = ray_diagrams.profile(subject, pose[:3, 3], pixel)
    assert distance[0] == 0 and distance[-1] == pytest.approx((pixel - pose[:3, 3]).norm().item(), abs=0.3)
    expected = Renderer(subject, camera, step=0.1)(pose)[0, 0, 9, 20].item()
    assert np.trapezoid(values, distance) == pytest.approx(expected, rel=0.005)


def test_the_slice_is_drawn_where_the_world_has_it(subject):
    source = BRIGHT + torch.tensor([-200.0, -650.0, 0])
    figure = ray_diagrams.ray_through_slice(subject, source, BRIGHT + 0.5 * (BRIGHT - source))
    ax = figure.axes[0]
    image = ax.images[0]
    left, right, bottom, top = image.get_extent()
    row, column = np.unravel_index(image.get_array().argmax(), image.get_array().shape)
    rows, columns = image.get_array().shape
    across = left + (column + 0.5) / columns * (right - left)
    up = top + (row + 0.5) / rows * (bottom - top)
    assert (across, up) == pytest.approx(BRIGHT[:2].tolist(), abs=1e-3)
    assert ax.get_xlim()[0] > ax.get_xlim()[1], "seen from the feet: the patient's right is on the left"
    start, end = ax.lines[0].get_xydata()
    part = (BRIGHT[:2].numpy() - start) / (end - start)
    assert part[0] == pytest.approx(part[1]), "the ray goes through the voxel"


def test_a_ray_that_leaves_the_slice_is_refused(subject):
    with pytest.raises(ValueError, match="one z"):
        ray_diagrams.ray_through_slice(subject, torch.zeros(3), torch.tensor([0.0, 10, 1]))


def test_a_grid_shows_its_values_and_the_lengths_in_them():
    values = np.array([[0.1, 0.2], [0.3, 0.4]])  # [i, j]: i from the left, j from below
    figure = ray_diagrams.grid(values, 10, (-4, 2), (24, 23), [(0, 5), (20 / 3, 10), (10, 12.5), (20, 20)])
    texts = {text.get_text(): text.get_position() for text in figure.axes[0].texts if text.get_text()}
    assert {"8.33", "4.17", "12.50"} <= set(texts)
    places = {name: (int(x // 10), int(y // 10)) for name, (x, y) in texts.items() if name in ("0.1", "0.2", "0.3")}
    assert places == {"0.1": (0, 0), "0.2": (0, 1), "0.3": (1, 0)}


def test_steps_and_ramps_have_one_area():
    figure = ray_diagrams.steps_and_ramps([0.02, 0.004, 0.05], 10)
    areas = [np.trapezoid(*ax.lines[0].get_xydata().T[::-1]) for ax in figure.axes]
    assert areas == pytest.approx([0.74, 0.74], rel=0.01)


@pytest.mark.parametrize("sign", [2, -2])
def test_the_guide_has_the_slope_of_second_order(sign):
    settings = [1, 2, 4, 8]
    rows = [(x, 1e-3 * x**sign, 0.01) for x in settings]
    figure = ray_diagrams.errors({"one": ("x", rows), "other": ("x", rows)})
    curve, guide = (line.get_xydata() for line in figure.axes[0].lines)
    assert np.allclose(np.interp(np.log(guide[:, 0]), *np.log(curve).T), np.log(guide[:, 1]))
