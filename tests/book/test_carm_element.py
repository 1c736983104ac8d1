"""The C-arm that is alive in a page: where it is, that its CT is there once, and that a command makes its files."""

import base64
import json
import zlib

import make_carm
import numpy as np
import pytest
from bs4 import BeautifulSoup
from the_book import BOOK, NOTEBOOKS

from diffpose_nb import frames

NUMBERS = ("02", "03", "04", "05")
WITH_CARM = ["book/index", *(f"notebooks/{path.stem}" for path in NOTEBOOKS if path.stem[:2] in NUMBERS)]


@pytest.mark.parametrize("name", WITH_CARM)
def test_the_page_has_one_and_a_still(html, name):
    path = html / f"{name}.html"
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    (element,) = page.find_all("dp-carm")
    images = element.select(".dp-still img")
    assert images and all(len(image["alt"]) > 10 for image in images)
    assert json.loads(element["data-settings"])["pixels"] == 256
    assert page.find("html")["data-content_root"] == "../", "the script finds its files by this"
    for name in ("ct", "registration"):
        assert (html / "_static" / "carm" / f"{name}.js").is_file()


def test_one_copy_for_all_pages(html):
    packed = (BOOK / "_static" / "carm" / "ct.js").read_text(encoding="utf-8")[-2000:-1000]
    assert [path for path in html.rglob("*.js") if packed in path.read_text(encoding="utf-8")] == [
        html / "_static" / "carm" / "ct.js"
    ]
    assert not [path for path in html.rglob("*.html") if packed in path.read_text(encoding="utf-8")]


def unpacked(file):
    return zlib.decompress(base64.b64decode(file["packed"]))


def test_the_command_makes_the_file(example):
    """What is committed is what ``python book/make_carm.py`` would write; but for the bytes of its compression."""
    text = (BOOK / "_static" / "carm" / "ct.js").read_text(encoding="utf-8")
    stored = json.loads(text[text.index("{") : text.rindex("}") + 1])
    made = json.loads(json.dumps(make_carm.make_ct(example)))
    assert unpacked(stored) == unpacked(made)
    assert np.allclose(stored["outline"]["feet"], made["outline"]["feet"], atol=1)
    assert {key: stored[key] for key in ("shape", "first", "credit")} == {
        key: made[key] for key in ("shape", "first", "credit")
    }
    assert [stored["unit"], *stored["spacing"]] == pytest.approx([made["unit"], *made["spacing"]])
    assert "LIDC" in stored["credit"] and "CC BY 3.0" in stored["credit"]


def test_six_numbers_are_the_pose():
    moved = frames.carm_pose(25, -12, 700, isocenter=(11.0, -8.0, 17.0)) @ frames.rigid_motion([0, 0, 5], [0, 0, 0])
    primary, secondary, turn, left, front, head = make_carm.six_numbers(moved, 700)
    assert (primary, secondary, turn) == pytest.approx((25, -12, 5), abs=1e-3)
    assert (left, front, head) == pytest.approx((-11, -8, 17), abs=1e-3)
