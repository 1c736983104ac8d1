"""The papers' figures: they are narrow, they draw what they are given, and they can be saved with their numbers."""

import functools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from diffpose_nb import ct
from diffpose_nb.camera import Camera, rigid_motion
from diffpose_nb.dicom import XRay
from diffpose_nb.frames import carm_pose
from diffpose_nb.plots import papers
from diffpose_nb.plots.papers.saving import WIDTH
from diffpose_nb.render import Renderer

NARROWEST_LETTERS = 9.5
"""Points. On a phone of 390 pixels a figure is shown 360 pixels wide, and is 389 points wide: these are 8.8 pixels."""


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def band(end):
    values = pd.DataFrame({"median": [20.0, 5.0, end], "low": [15.0, 3.0, end / 2], "high": [30.0, 9.0, 2 * end]})
    return values.set_axis([0, 50, 100])


def curve(first):
    index = pd.Index(np.geomspace(0.1, 100, 20), name="threshold")
    value = np.clip(np.linspace(first, 1, 20), 0, 1)
    return pd.DataFrame({"value": value, "low": value * 0.9, "high": np.minimum(value * 1.1, 1)}, index)


@functools.cache
def taken():
    """A renderer, an X-ray that it has drawn, and the pose."""
    camera = Camera(1020, (9.6, 9.6), (32, 32))
    volume = np.full((20, 20, 20), -1000.0)
    volume[5:15, 5:15, 5:15] = 300
    pose = carm_pose(0, 0, 700)
    renderer = Renderer(ct.make_subject(volume, np.diag([10.0, 10, 10, 1])), camera)
    return renderer, XRay(60_000 * torch.exp(-renderer(pose)[0, 0]), camera, pose), pose


POINTS = pd.DataFrame({"name": ["a", "b"], "x": [10.0, -30.0], "y": [0.0, 5.0], "z": [20.0, -20.0]})


def measured(values):
    _, xray, pose = taken()
    return papers.errors_of_a_pose(xray, POINTS, rigid_motion([0, 0, 0], [8, 0, 0]) @ pose, pose, values)


def figures():
    generator = torch.Generator().manual_seed(0)
    six = torch.randn(12, 6, generator=generator).double()
    strips = pd.DataFrame({"a way": [1.0, 2.0, np.inf], "another": [0.2, 0.1, 0.3]})
    steps = {"xray": 0, "iteration": [0, 5, 5, 10], "scale": [24, 24, 12, 12], "mtre": [9.0, 3.0, 3.0, 0.5]}
    times = pd.DataFrame({"ms": [30.0, 9.0, 15.0]}, index=[0, 100, 250])
    return {
        "bands": papers.bands({"one": band(1.0), "two": band(2.0), "three": band(0.5)}, "one"),
        "one band": papers.bands({"one": band(1.0), "two": band(2.0)}, "one", only="two"),
        "scales": papers.scales(pd.DataFrame(steps), "title"),
        "six errors": papers.six_errors(six),
        "distributions": papers.distributions({"one": six, "two": six / 9}, {"one": six, "two": six / 9}),
        "strips": papers.strips(strips),
        "losses": papers.losses_along({"one": six.abs().expand(6, 12, 6)[:, :, 0], "two": six.T}),
        "patches": papers.patch_times(times, times / 2, "here", "there"),
        "times": papers.render_times(pd.DataFrame({"one": [0.1, 0.4], "two": [1.0, 5.0]}, index=[32, 64])),
        "pairs": papers.pairs(pd.DataFrame(six[:, :4], columns=["w", "x, mm", "y, mm", "z, mm"])),
        "errors of a pose": measured({"mTRE": 12.3, "double geodesic": 0.0}),
        "success": papers.success({"one": curve(0.0), "two": curve(0.5)}, 1.0, ["one"]),
    }


def letters(figure):
    figure.canvas.draw()
    texts = [text for text in figure.findobj(plt.Text) if text.get_visible() and text.get_text().strip()]
    return [text.get_fontsize() for text in texts]


def test_every_figure_is_legible_on_a_phone():
    for name, figure in figures().items():
        assert figure.get_size_inches()[0] == WIDTH <= 5.5, name
        assert min(letters(figure)) >= NARROWEST_LETTERS, name


def test_legends_and_labels_stay_inside():
    for name, figure in figures().items():
        figure.canvas.draw()
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert box.x0 > -0.05 and box.y0 > -0.05 and box.x1 < width + 0.05 and box.y1 < height + 0.05, name


@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png"])
def test_a_figure_and_its_numbers(tmp_path, ending):
    figure = papers.strips(pd.DataFrame({"a way": [1.0, 2.0], "another": [0.2, 0.1]}))
    numbers = pd.DataFrame({"mm": [1.5, 2.5]}, index=pd.Index(["é", "b"], name="way"))
    written = papers.save(figure, tmp_path / "new" / f"name{ending}", numbers)
    assert [path.name for path in written] == [f"name{ending}", "name.csv"]
    assert written[0].stat().st_size > 1000
    pd.testing.assert_frame_equal(pd.read_csv(written[1], index_col=0), numbers)
    if ending == ".svg":
        assert "a way" in written[0].read_text(encoding="utf-8")  # letters, not outlines


def test_several_tables_are_several_files(tmp_path):
    table = pd.DataFrame({"mm": [1.0]})
    written = papers.save(papers.strips(table), tmp_path / "name.svg", {"before": table, "Gauss–Newton, after": table})
    assert [path.name for path in written[1:]] == ["name_before.csv", "name_Gauss_Newton__after.csv"]


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.docx.*\.svg, \.pdf"):
        papers.save(papers.panels(1, 1, 1)[0], tmp_path / "name.docx")


def test_the_share_below_the_threshold_is_in_the_legend():
    figure = papers.success({"one": curve(0.0)}, 1.0)
    expected = curve(0.0).value[lambda value: value.index <= 1.0].iloc[-1]
    assert figure.legends[0].get_texts()[0].get_text() == f"one: {expected:.0%}"


def test_medians_are_where_the_data_have_them():
    table = pd.DataFrame({"a": [1.0, 3.0, 9.0], "b": [0.1, 0.2, np.inf]})
    lines = papers.strips(table).axes[0].lines
    bars = [line.get_xdata()[0] for line in lines if line.get_linewidth() > 2]
    assert bars == [3.0, 0.2]
    assert papers.strips(table, limits=(0.01, 50)).axes[0].get_xlim() == (0.01, 50)


def test_pairs_are_the_columns_against_each_other():
    table = pd.DataFrame({"a": [1.0, 2, 3], "b": [4.0, 6, 5]})
    grid = papers.pairs(table).axes
    points = grid[2].lines[0]
    assert list(points.get_xdata()) == [1, 2, 3] and list(points.get_ydata()) == [4, 6, 5]
    assert (grid[2].get_xlabel(), grid[2].get_ylabel()) == ("a", "b")


def test_an_error_s_bar_ends_at_its_number():
    above, below = measured({"mTRE": 12.3, "none": 0.0}).axes
    ends = [bar.get_x() + bar.get_width() for bar in below.patches]
    assert np.allclose(ends, [12.3, 0.01])
    assert [text.get_text() for text in below.texts] == ["12.30", "0.00"]
    lines = [line for line in above.lines if line.get_linestyle() == "-"]
    assert len(lines) >= len(POINTS)


def test_overlays_have_their_titles():
    renderer, xray, pose = taken()
    lost = torch.full((4, 4), torch.nan, dtype=torch.float64)
    figure = papers.frames_of(renderer, [("right", xray, pose), ("no pose", xray, lost), ("again", xray, pose)])
    assert [ax.get_title() for ax in figure.axes] == ["right", "no pose", "again", ""]
    grey = figure.axes[0].images[0].get_array()
    assert np.allclose(grey[..., 0], grey[..., 2], atol=0.02)  # they agree, so there is no colour
