import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from diffpose_nb import data, dicom
from diffpose_nb.camera import Camera
from diffpose_nb.commands import landscapes as make_landscapes
from diffpose_nb.frames import carm_pose, invert
from diffpose_nb.plots import similarity as landscape_plots
from diffpose_nb.similarity import landscapes


@pytest.fixture(scope="module")
def setting(example):
    return landscapes.setting(example, dicom.read_xray(data.EXAMPLE_XRAY), data.example_truth())


@pytest.fixture
def _close():
    yield
    plt.close("all")


def test_offsets_are_in_camera_axes_about_the_centre_of_the_ct():
    """Translations move the world's origin in the camera the other way; rotations leave it where it is."""
    pose = carm_pose(20, 10, 700)
    before = invert(pose)[:3, 3]
    there = landscapes.moved(pose, torch.tensor([0, 0, 0, 1.0, -2.0, 3.0]))
    torch.testing.assert_close(invert(there)[:3, 3], before - torch.tensor([1.0, -2.0, 3.0]).double())
    yaw = landscapes.moved(pose, torch.tensor([0, 30.0, 0, 0, 0, 0]))
    torch.testing.assert_close(invert(yaw)[:3, 3], before)
    relative = pose[:3, :3].T @ yaw[:3, :3]
    expected = math.sin(math.radians(30))
    assert (relative[0, 2].item(), relative[2, 0].item()) == pytest.approx((expected, -expected))


def test_lines_and_grids_pass_through_the_truth():
    assert not landscapes.line(2, 5)[2].any()
    assert landscapes.line(2, 5)[:, 2].tolist() == [-20, -10, 0, 10, 20]
    pair = landscapes.grid(3, 5, 3).reshape(3, 3, 6)
    assert pair[0, 2].tolist() == [0, 0, 0, -60, 0, 100]


def test_losses_find_the_truth_and_squared_differences_do_not(setting):
    """Along the patient. The X-ray was not made by the renderer, and its open beam is unknown."""
    offsets = landscapes.line(4, 31)
    lowest = {name: offsets[values.argmin(), 4].item() for name, values in setting.losses(offsets).items()}
    assert abs(lowest.pop("squared differences")) > 5
    assert all(abs(place) <= 4 for place in lowest.values()), lowest


def test_the_collimator_does_not_count(setting):
    spoiled = setting.target.where(setting.valid, torch.tensor(50.0))
    for name, loss in landscapes.LOSSES.items():
        image = setting.renderer(setting.truth)[:, 0]
        torch.testing.assert_close(
            loss(image, spoiled, setting.valid), loss(image, setting.target, setting.valid), msg=name
        )


def test_log_geodesic_is_about_the_source_and_the_double_one_about_the_ct(setting):
    """6 degrees of yaw: an arc at half the SID, or a shift of the source."""
    found = setting.geodesics(torch.tensor([[0, 6.0, 0, 0, 0, 0], [0, 0, 0, 20.0, 0, 0]]))
    angle, depth = math.radians(6), invert(setting.truth)[2, 3].item()
    assert found["double geodesic"].tolist() == pytest.approx([510 * angle, 20])
    assert found["log geodesic"].tolist() == pytest.approx([depth * angle, 20], rel=0.01)


def test_a_setting_says_which_numbers_of_pixels_fit(example):
    with pytest.raises(ValueError, match="pixels is 60: it has to divide the X-ray's 320 rows"):
        landscapes.setting(example, dicom.read_xray(data.EXAMPLE_XRAY), data.example_truth(), pixels=60)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, 4, 3, 2, 3, 4, 5], (-3, 0, 3)),
        ([3, 4, 3, 1, 2, 3, 2], (-2, 0, 2)),  # a hill on either side
        ([9, 8, 1, 2, 3, 9, 9], (-3, -1, 2)),  # the minimum lies beside the truth; a plateau ends the slope
        ([0, 1, 2, 3, 4, 5, 6], (-3, -3, 3)),
    ],
)
def test_capture_interval(values, expected):
    assert landscapes.capture_interval(torch.arange(-3, 4), torch.tensor(values)) == expected


def test_a_descent_comes_home_from_nearby(setting):
    """From 10 mm in x, in all six parameters; few steps, so it is not exact."""
    start = torch.tensor([[0, 0, 0, 10.0, 0, 0]])
    (end,) = landscapes.roll_downhill(setting, "NCC", start, iterations=25)
    across = invert(end)[:2, 3] - invert(setting.truth)[:2, 3]
    assert across.norm() < 3


def test_the_file_is_what_its_command_makes(setting):
    """Some of its points computed anew, with the command's own functions."""
    assert landscapes.EXAMPLE_LANDSCAPES.stat().st_size < 300_000
    shipped = landscapes.load()
    losses = list(landscapes.LOSSES)
    assert shipped.ends.shape == (len(losses) + 1, len(shipped.starts))
    torch.testing.assert_close(shipped.starts, make_landscapes.starts(), atol=1e-4, rtol=1e-6)
    assert ((shipped.starts != 0).sum(1) == 1).all()

    steps = shipped.profiles.shape[-1]
    for axis in (1, 5):
        found = setting.losses(landscapes.line(axis, steps)[::20])
        torch.testing.assert_close(
            torch.stack(list(found.values())), shipped.profiles[:, axis, ::20], rtol=0.01, atol=1e-3
        )
    steps = shipped.maps.shape[-1]
    pair = landscapes.PAIRS.index((2, 4))
    found = setting.losses(landscapes.grid(2, 4, steps)[::97])
    torch.testing.assert_close(
        torch.stack(list(found.values())), shipped.maps[:, pair].flatten(1)[:, ::97], rtol=0.01, atol=1e-3
    )


def test_what_was_saved_is_loaded(tmp_path):
    generator = torch.Generator().manual_seed(1)
    shapes = {"profiles": (6, 6, 5), "maps": (6, 15, 3, 3), "starts": (4, 6), "ends": (7, 4)}
    saved = landscapes.Landscapes(**{n: torch.rand(s, generator=generator).double() for n, s in shapes.items()})
    saved.save(tmp_path / "some.npz")
    loaded = landscapes.load(tmp_path / "some.npz")
    for name in shapes:
        torch.testing.assert_close(getattr(loaded, name), getattr(saved, name), rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("_close")
def test_the_first_parameter_is_drawn_to_the_right_and_the_second_upwards():
    values = torch.zeros(5, 5).double()
    values[4, 3] = 1  # the first at its end, the second in the upper half
    figure = landscape_plots.landscapes({"a loss": values}, (3, 5))
    (ax,) = (ax for ax in figure.axes if ax.get_title() == "a loss")
    (image,) = ax.images
    assert image.origin == "lower"
    assert tuple(image.get_extent()) == (-60, 60, -100, 100)
    assert np.argwhere(image.get_array() == 1).tolist() == [[3, 4]]  # row (upwards), column
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("x, mm", "depth, mm")


@pytest.mark.usefixtures("_close")
def test_profiles_run_from_0_to_1():
    figure = landscape_plots.profiles({"a loss": torch.linspace(3, 7, 6 * 9).reshape(6, 9)})
    for ax, name in zip(figure.axes, landscapes.NAMES, strict=True):
        (curve,) = ax.lines
        assert (curve.get_ydata().min(), curve.get_ydata().max()) == (0, 1)
        assert ax.get_xlabel().startswith(name)


@pytest.mark.usefixtures("_close")
def test_arrivals_tell_good_from_lost():
    starts = make_landscapes.starts()[:6]  # pitch
    figure = landscape_plots.arrivals(torch.tensor([[1.0, 20, 1, 1, 1, 20]]), starts, ["a loss"], 10.0)
    good, lost = (line.get_xdata().tolist() for line in figure.axes[0].lines[:2])
    assert lost == pytest.approx([1 / 3, 1])
    assert len(good) == 4


@pytest.mark.usefixtures("_close")
def test_patches_lie_where_their_pixels_do():
    """The first pixel right of and below the middle begins at 0."""
    camera, ax = Camera(1000, (2, 1), (10, 20)), plt.subplots()[1]
    landscape_plots.patches_on(ax, camera, torch.tensor([[10, 5]]), 5)
    (patch,) = ax.patches
    assert (*patch.get_xy(), patch.get_width(), patch.get_height()) == (0, 0, 5, 10)


@pytest.mark.usefixtures("_close")
def test_a_map_of_patches_shows_where_images_disagree(rng):
    from_ct = torch.rand(12, 12, generator=rng)
    observed, valid = from_ct.clone(), torch.ones(12, 12, dtype=torch.bool)
    observed[:5, :5] = -from_ct[:5, :5]
    valid[7:, 7:] = False
    ax = plt.subplots()[1]
    landscape_plots.correlation_map(ax, from_ct, observed, 5, valid, Camera(1000, (1, 1), (12, 12)))
    shown = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert shown.shape == (8, 8)
    assert shown[0, 0] < -0.99
    assert shown[0, 7] > 0.99
    assert np.isnan(shown[7, 7])
    assert np.isfinite(shown[2, 7])
