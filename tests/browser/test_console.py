"""The C-arm's sliders in JupyterLab, moved by mouse and by keys: the picture that follows is the right one."""

import base64
import statistics
import time
from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import numpy as np
import PIL.Image
import pytest
from in_lab import SOON, errors

from diffpose_nb.render import Renderer
from diffpose_nb.widgets import View
from diffpose_nb.widgets.console import SLIDERS

CELL = "from diffpose_nb import ct, widgets\n\nwidgets.carm_console(ct.example())"
GOAL = 50.0  # °, where the primary angle is dragged to
MOVES = 20  # of the mouse on its way there; then back, and there again: long enough to count pictures
PRESSES = 6
RIGHT = 0.9995  # NCC; what is one degree off has 0.9991 or less

# When keys went down and when pictures came, in ms of the page's clock; the DRR is the first picture, the scene the
# second.
WATCH = """() => {
  window.keys = [];
  window.drrs = [];
  window.scenes = [];
  addEventListener("keydown", () => keys.push(performance.now()), true);
  const [drr, scene] = document.querySelectorAll(".jp-OutputArea-output img.widget-image");
  drr.addEventListener("load", () => drrs.push(performance.now()));
  scene.addEventListener("load", () => scenes.push(performance.now()));
}"""
SHOWN = """async (img) => {
  while (!img.complete || !img.naturalWidth) await new Promise(requestAnimationFrame);  // the next one is on its way
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [img.naturalWidth, img.naturalHeight];
  canvas.getContext("2d").drawImage(img, 0, 0);
  return canvas.toDataURL("image/png");
}"""


class Console:
    """The widget in its page."""

    def __init__(self, page):
        self.page = page
        self.drr = page.locator(".jp-OutputArea-output img.widget-image").first
        self.drr.wait_for()
        page.evaluate(WATCH)

    def _slider(self, name):
        return self.page.locator(".widget-slider").filter(has_text=SLIDERS[name][0])

    def handle(self, name):
        return self._slider(name).locator(".noUi-handle")

    def value(self, name):
        """As written beside the slider."""
        return float(self._slider(name).locator(".widget-readout").inner_text().replace("\N{MINUS SIGN}", "-"))

    def view(self):
        return View(**{name: self.value(name) for name in SLIDERS})

    def times(self, name):
        return self.page.evaluate(f"() => window.{name}")

    def wait_for_rest(self, since):
        """Until the scene is drawn, which comes last."""
        self.page.wait_for_function("(since) => scenes.at(-1) > since", arg=since, timeout=SOON)

    def wait_for_picture(self, subject):
        """Until the picture is that of the numbers beside the sliders."""
        deadline = time.monotonic() + SOON / 1000
        while agreement(self.shown(), subject, self.view()) < RIGHT:
            assert time.monotonic() < deadline, "the picture does not follow"
            self.page.wait_for_timeout(100)

    def now(self):
        return self.page.evaluate("() => performance.now()")

    def shown(self):
        """The DRR's picture, grey, (rows, columns)."""
        data = base64.b64decode(self.drr.evaluate(SHOWN).partition(",")[2])
        return np.asarray(PIL.Image.open(BytesIO(data)).convert("L"), float)


@pytest.fixture(scope="module")
def console(open_notebook):
    notebook = open_notebook("notebooks/console.ipynb", CELL)
    assert not errors(notebook.run_all())
    return Console(notebook.page)


def agreement(shown, subject, view, turn=lambda drr: drr):
    """NCC of the picture shown, away from the letters at its edges, and a DRR rendered here."""
    camera = view.camera(len(shown) // 4)
    drr = turn(Renderer(subject, camera)(view.pose())[0, 0].numpy())
    shown = shown.reshape(len(drr), 4, len(drr), 4).mean((1, 3))
    inner = slice(len(drr) // 8, -(len(drr) // 8))
    return np.corrcoef(shown[inner, inner].ravel(), drr[inner, inner].ravel())[0, 1]


def check(console, subject):
    """The picture is that of the numbers beside the sliders, to the degree; the words under it are theirs too."""
    console.wait_for_picture(subject)
    view, shown = console.view(), console.shown()
    console.page.get_by_text(str(view)).wait_for()
    right = agreement(shown, subject, view)
    for name in ("primary", "secondary"):
        for change in (-1, 1):
            other = replace(view, **{name: getattr(view, name) + change})
            assert agreement(shown, subject, other) < right, f"the picture is that of {other}"
    assert agreement(shown, subject, view, np.fliplr) < 0.8, "the picture is mirrored"
    assert agreement(shown, subject, view, np.flipud) < 0.8, "the picture stands on its head"
    assert not console.page.complaints


def test_the_mouse_drags_a_slider(console, example, measured):
    before = console.view()
    track = console.page.locator(".noUi-base").first.bounding_box()
    handle = console.handle("primary").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    _, low, high, _ = SLIDERS["primary"]
    reach = (GOAL - before.primary) / (high - low) * track["width"]
    start = console.now()
    console.page.mouse.move(x, y)
    console.page.mouse.down()
    for way in (*np.linspace(0, 1, MOVES), *np.linspace(1, 0, MOVES), *np.linspace(0, 1, MOVES)):
        console.page.mouse.move(x + way * reach, y)
        console.page.wait_for_timeout(16)  # as often as a screen is drawn
    released = console.now()
    console.page.mouse.up()
    assert console.value("primary") == pytest.approx(GOAL, abs=2)
    assert console.view() == replace(before, primary=console.value("primary")), "the others stay"
    check(console, example)
    console.wait_for_rest(released)

    while_dragged = [moment for moment in console.times("drrs") if start < moment < released]
    assert while_dragged, "the picture follows while the slider moves"
    gaps = [late - early for early, late in pairwise([start, *while_dragged])]
    rate = 1000 * len(while_dragged) / (released - start)
    measured(f"C-arm console, dragged: {rate:.1f} pictures a second, {max(gaps):.0f} ms the longest wait for one")


def test_keys_move_a_slider(console, example, measured):
    """Each press from rest, since the scene that is drawn then takes longer than a DRR."""
    before, waits = console.view(), []
    for press in range(1, PRESSES + 1):
        start = console.now()
        console.handle("secondary").press("ArrowRight")
        assert console.value("secondary") == before.secondary + press * SLIDERS["secondary"][3]
        console.wait_for_rest(start)
        key = next(moment for moment in console.times("keys") if moment > start)
        waits.append(next(moment for moment in console.times("drrs") if moment > key) - key)
    check(console, example)
    console.handle("primary").press("End")
    console.handle("primary").press("ArrowLeft")
    assert console.value("primary") == SLIDERS["primary"][2] - SLIDERS["primary"][3]
    check(console, example)
    measured(
        f"C-arm console, from a key to the new picture: {statistics.median(waits):.0f} ms "
        f"(median of {len(waits)}; the longest {max(waits):.0f} ms)"
    )
