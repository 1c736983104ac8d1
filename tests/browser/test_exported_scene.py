"""A scene that was exported for vtk.js, where readers meet it: in the book, and in JupyterLab."""

import re
from io import BytesIO
from itertools import combinations

import numpy as np
import PIL.Image
from in_lab import SOON, errors

from diffpose_nb import data, dicom, scenes

NEEDS_WEBGL = True
SCENE = re.compile(r'class="[^"]*dp-with-scene')
CELL = """\
import numpy as np

from diffpose_nb import data, dicom, scenes
from diffpose_nb.widgets import Step, stepper

xray = dicom.read_xray(data.EXAMPLE_XRAY)
step = Step("the example", np.zeros((9, 9)), "nothing, beside a scene")
stepper([step], scene=scenes.interactive([xray], size=200))"""


# Names that are shown, and the buttons: what it says, left, top, right, bottom.
BOXES = """[...document.querySelectorAll("#names span, #views button")]
  .filter((one) => !one.hidden && getComputedStyle(one).visibility === "visible")
  .map((one) => [one.parentNode.id === "names" ? one.textContent : "",
    ...["left", "top", "right", "bottom"].map((side) => one.getBoundingClientRect()[side])])"""


def test_in_the_book(open_page, html):
    """Every page with a scene opens without complaints, and one that is beside pictures is looked at.

    `test_live_carm` opens the pages with a C-arm.
    """
    texts = {path: path.read_text("utf-8") for path in (html / "notebooks").glob("*.html")}
    with_scenes = [path for path, text in texts.items() if "scene_viewer.js" in text]
    looked_at = next((path for path in with_scenes if SCENE.search(texts[path])), None)
    assert looked_at, "no notebook shows a scene beside its pictures"
    page, wrong = open_page(), {}
    for path in with_scenes:
        page.complaints.clear()
        page.goto(path.as_uri(), wait_until="load")
        if path == looked_at:
            check(page)
        if page.complaints:
            wrong[path.name] = list(page.complaints)
    page.close()  # else it goes on drawing, and everything after it waits
    assert not wrong


def test_in_jupyterlab(open_notebook):
    notebook = open_notebook("notebooks/scene.ipynb", CELL)
    assert not errors(notebook.run_all())
    check(notebook.page)


def test_names_stand_beside_what_they_name_and_cover_nothing(open_page, tmp_path):
    """From each of the buttons' viewpoints: where the page puts a name, and that no two overlap."""
    xray = dicom.read_xray(data.EXAMPLE_XRAY)
    page = open_page()
    (tmp_path / "scene.html").write_text(scenes.interactive([xray], size=300), encoding="utf-8")
    for width, height in ((720, 460), (350, 350)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto((tmp_path / "scene.html").as_uri())
        page.wait_for_selector("body[data-ready]", timeout=SOON)
        assert page.locator("#views button").all_inner_texts() == ["frontal", "lateral", "from the feet", "reset"]
        for button in page.locator("#views button").all():
            button.click()
            page.wait_for_timeout(300)
            boxes = page.evaluate(BOXES)
            shown = {name: box for name, *box in boxes if name}
            assert {"source", "detector", "table", "L", "H"} <= set(shown) | ({"H", "L", "P"} if width < 400 else set())
            for (one, *a), (other, *b) in combinations(boxes, 2):
                assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], f"{one} covers {other}"
            x, y = page.evaluate("project(settings.labels.find((label) => label.text === 'source').point)")
            left, top, right, bottom = shown["source"]
            gap = np.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))
            assert gap < 140 and 0 < x < width and 0 < y < height
    assert not page.complaints


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
    assert 0.001 < bones.mean() < 0.5, "bones"
    assert 0.002 < carm.mean() < 0.5, "the C-arm"
    assert not page.complaints
