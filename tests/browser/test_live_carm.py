"""The C-arm in a page without a kernel: its DRR is the package's, and it does what the reader's hand does."""

import base64
import json
import math
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
import torchio

from diffpose_nb import ct, data, evaluate, frames
from diffpose_nb.camera import Camera
from diffpose_nb.ct import landmarks
from diffpose_nb.render import Renderer
from diffpose_nb.widgets import element
from diffpose_nb.widgets.console import FIELD, SLIDERS, View

NEEDS_WEBGL = True
FILES = Path(__file__).parents[2] / "book" / "_static" / "carm"
RIGHT = 0.01  # mean relative error that the picture may have
STILL = "<img src='data:,' alt='the still'>"
BARS = [(name, *slider) for name, slider in SLIDERS.items()]
VIEWS = [
    View(0, 0),
    View(20, 10),
    View(-75, -30, sid=920, sod=560),
    View(90, 0, sod=840),
    View(35, 25, sid=1280, sod=800, left=-70, head=90),
]


def read(name):
    """What one of the files holds, read without a browser."""
    text = (FILES / f"{name}.js").read_text(encoding="utf-8")
    head, tail = f"diffposeCArm.arrived.{name}(", ");\n"
    assert text.startswith(head) and text.endswith(tail)
    return json.loads(text[len(head) : -len(tail)])


@pytest.fixture(scope="module")
def small():
    """The CT of the file as a subject."""
    file = read("ct")
    values = np.frombuffer(zlib.decompress(base64.b64decode(file["packed"])), np.uint8).reshape(file["shape"][::-1])
    values = np.cumsum(values, axis=0, dtype=np.uint8).transpose(2, 1, 0)
    affine = np.diag([*file["spacing"], 1.0])
    affine[:3, 3] = file["first"]
    density = torch.from_numpy(values.astype(np.float32) * np.float32(file["unit"]))[None]
    return torchio.Subject(density=torchio.ScalarImage(tensor=density, affine=affine))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder as a book is: pages beside _static."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "_static").mkdir()
    (folder / "_static" / "carm").symlink_to(FILES)
    (folder / "notebooks").mkdir()
    return folder


@pytest.fixture(scope="module")
def open_carm(open_page, site):
    """Opens a page with an element, and waits until it has drawn, or has given up."""

    def open_carm(text, viewport=None, before=lambda page: None, head=""):
        page = open_page()
        if viewport:
            page.set_viewport_size(viewport)
        before(page)
        path = site / "notebooks" / "page.html"
        meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        path.write_text(
            f'<!doctype html><html lang="en" data-content_root="../"><head>{meta}{head}</head><body>{text}</body></html>',
            encoding="utf-8",
        )
        page.goto(path.as_uri(), wait_until="load")
        page.wait_for_selector("dp-carm[data-ready]", state="attached")
        return page

    return open_carm


def console(view=None):
    return element.carm(STILL, BARS, vars(view or View()), field=FIELD)


@pytest.fixture(scope="module")
def carm(open_carm):
    page = open_carm(console())
    assert page.locator("dp-carm").get_attribute("data-ready") == "yes"
    return page


@pytest.fixture(scope="module")
def registering(open_carm):
    page = open_carm(STILL.join(element.registration()))
    assert page.locator("dp-carm").get_attribute("data-ready") == "yes"
    return page


def drawn(page, change=None, pixels=256):
    """The line integrals that the element shows, (rows, columns), after it went to a view."""
    values = page.evaluate(
        """([change, pixels]) => {
          const carm = document.querySelector("dp-carm");
          Object.assign(carm.view, change);
          carm.show(pixels);
          return Array.from(carm.integrals);
        }""",
        [change or {}, pixels],
    )
    return np.array(values).reshape(pixels, pixels)


def rendered(subject, view, pixels=256):
    """By the package, with steps so short that the sum has converged."""
    return Renderer(subject, view.camera(pixels), step=0.25)(view.pose())[0, 0].numpy()


def error(image, expected):
    """Mean relative error where the ray meets the patient."""
    body = expected > 0.05
    assert body.mean() > 0.3
    return np.abs(image - expected)[body].mean() / expected[body].mean()


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_picture_is_the_packages(carm, small, view, measured):
    image, expected = drawn(carm, vars(view)), rendered(small, view)
    measured(f"live C-arm, {view}: mean relative error {error(image, expected):.3%}")
    assert error(image, expected) < RIGHT
    assert error(drawn(carm, pixels=128), rendered(small, view, 128)) < RIGHT
    assert not carm.complaints


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_bound_sees_what_is_wrong(small, view):
    """Also what is off by a single pixel of the coarser picture, or by one degree."""
    expected = rendered(small, view)
    wrong = {
        "mirrored": expected[:, ::-1],
        "upside down": expected[::-1],
        "turned": np.rot90(expected),
        "one column further": np.roll(expected, 1, 1)[:, 1:],
        "one row further": np.roll(expected, 1, 0)[1:],
    }
    for name, image in wrong.items():
        same = expected[-image.shape[0] :, -image.shape[1] :]
        print(name, view, error(image, same))
        assert error(image, same) > RIGHT, name
