"""Figures are as wide as a page at most, and their letters can be read on it."""

import ast
import json
import re
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from diffpose_nb import plots
from diffpose_nb.camera import Camera
from diffpose_nb.plots import style

ROOT = Path(__file__).parents[2]
SOURCES = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "diffpose_nb/plots").rglob("*.py")}
for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    SOURCES[path.stem] = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
PIXELS_A_POINT = 100 / 72  # on a page an inch has 100 pixels
READABLE = 9  # pixels


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def calls(source, name):
    tree = ast.parse("\n".join(line for line in source.splitlines() if not line.startswith(("%", "!"))))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [node for node in found if getattr(node.func, "attr", getattr(node.func, "id", "")) == name]


@pytest.mark.parametrize("name", SOURCES)
def test_no_figure_is_wider_than_the_page(name):
    sizes = re.findall(r"figsize=\(([\d.]+)[,)]", SOURCES[name])
    assert all(float(width) <= plots.WIDTH for width in sizes), sizes


@pytest.mark.parametrize("name", SOURCES)
def test_at_most_three_panels_stand_in_a_row(name):
    """Of those whose number is written down; `panels` sees to the others."""
    for call in calls(SOURCES[name], "subplots"):
        columns = [node.value for node in call.args[1:2] if isinstance(node, ast.Constant)]
        assert not columns or columns[0] <= style.IN_A_ROW, ast.unparse(call)[:80]


@pytest.mark.parametrize("name", SOURCES)
def test_no_letters_are_smaller_than_can_be_read(name):
    sizes = re.findall(r"fontsize=(\d+(?:\.\d+)?)\b", SOURCES[name])
    assert all(float(size) * PIXELS_A_POINT >= READABLE for size in sizes if float(size) < 100), sizes
    assert not re.findall(r"fontsize=\"(?:x-small|xx-small)\"", SOURCES[name])


def test_letters_of_a_notebook_can_be_read_with_some_to_spare():
    """A page may show a figure at four fifths of its size."""
    points = [size for key, size in style.LETTERS.items() if "size" in key and key != "figure.figsize"]
    assert min(points) * PIXELS_A_POINT * 0.8 >= READABLE


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 7, 8])
def test_panels(number):
    figure, axes = plots.panels(number)
    assert len(axes) == number and figure.get_figwidth() <= plots.WIDTH
    shown = [ax for ax in figure.axes if ax.axison]
    assert shown == axes
    figure.draw_without_rendering()
    rows = {round(ax.get_position().y0, 3) for ax in axes}
    assert all(sum(round(ax.get_position().y0, 3) == row for ax in axes) <= 3 for row in rows)


@pytest.mark.parametrize("number", [2, 4, 7])
def test_between_bare_panels_there_is_room_for_a_title_alone(number):
    figure, axes = plots.panels(number, across=2 if number < 5 else 3, bare=True)
    for ax in axes:
        ax.imshow(np.eye(8))
        ax.set_title("title")
    figure.draw_without_rendering()
    boxes = [ax.get_window_extent() for ax in axes]
    assert not [ax for ax in axes if ax.axison]
    lines = sorted({round(box.y1) for box in boxes}, reverse=True)
    white = [above - boxes[0].height - below for above, below in pairwise(lines)]
    assert all(10 < pixels / figure.dpi * 72 < 36 for pixels in white), "points, with letters of 12"
    assert boxes[0].width / figure.dpi > 0.9 * (figure.get_figwidth() / (2 if number < 5 else 3) - 0.1)


def test_each_column_of_panels_that_share_an_axis_has_its_numbers():
    figure, axes = plots.panels(7, sharex=True)
    figure.draw_without_rendering()
    shown = [bool(ax.xaxis.get_ticklabels()) and ax.xaxis.get_ticklabels()[0].get_visible() for ax in axes]
    assert shown == [False] * 4 + [True] * 3


def test_four_in_a_row_are_refused():
    with pytest.raises(ValueError, match="1 to 3"):
        plots.panels(8, across=4)


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_nothing_of_pictures_is_cut_off(number):
    """The figure is shown as large as it is, so titles and labels have to be within it."""
    figure = plots.pictures({f"title {n}": np.eye(8) for n in range(number)}, Camera(1000, (10, 10), (8, 8)))
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    box = figure.get_tightbbox()
    assert box.x0 > -0.02 and box.y0 > -0.02 and box.x1 < width + 0.02 and box.y1 < height + 0.02


def test_what_is_not_compared_has_one_colour():
    image = np.eye(8)
    image[0, 0] = np.nan
    assert np.allclose(plots.overlay(np.eye(8), image)[0, 0], to_rgb(plots.NOT_COMPARED))
    ax = plots.picture(image, Camera(1000, (10, 10), (8, 8)))
    assert np.allclose(ax.images[0].cmap.get_bad()[:3], to_rgb(plots.NOT_COMPARED))
