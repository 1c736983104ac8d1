"""A scene that was exported for vtk.js, where readers meet it: in the book, and in JupyterLab."""

from io import BytesIO

import numpy as np
import PIL.Image
from in_lab import SOON, errors

NEEDS_WEBGL = True
CELL = """\
import numpy as np

from diffpose_nb import data, dicom, scenes
from diffpose_nb.widgets import Step, stepper

xray = dicom.read_xray(data.EXAMPLE_XRAY)
step = Step("the example", np.zeros((9, 9)), "nothing, beside a scene")
stepper([step], scene=scenes.interactive([xray], size=200))"""


def test_in_the_book(open_page, html):
    with_scenes = [path for path in (html / "notebooks").glob("*.html") if "dp-with-scene" in path.read_text("utf-8")]
    assert with_scenes, "no notebook shows a scene"
    page = open_page()
    page.goto(with_scenes[0].as_uri(), wait_until="load")
    check(page)


def test_in_jupyterlab(open_notebook):
    notebook = open_notebook("notebooks/scene.ipynb", CELL)
    assert not errors(notebook.run_all())
    check(notebook.page)


def check(page):
    """It draws bones, the C-arm's blue and more, each at a place of its own, and asks for nothing."""
    element = page.locator(".dp-with-scene iframe").first
    element.scroll_into_view_if_needed()
    frame = element.element_handle().content_frame()
    frame.wait_for_selector("body[data-ready]", timeout=SOON)
    frame.wait_for_function("!document.querySelector('#still').checkVisibility()", timeout=SOON)
    canvas = frame.locator("canvas").first
    red, _, blue = np.moveaxis(np.asarray(PIL.Image.open(BytesIO(canvas.screenshot())).convert("RGB"), int), -1, 0)
    bones = (red > blue + 15) & (red > 90)
    carm = blue > red + 40
    assert 0.01 < bones.mean() < 0.5, "bones"
    assert 0.002 < carm.mean() < 0.5, "the C-arm"
    assert not page.complaints
