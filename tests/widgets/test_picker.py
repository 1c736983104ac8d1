"""Pictures that are picked by controls, and the cloud of a range of poses, in a browser."""

import re

import numpy as np
import pytest
import torch

from diffpose_nb import ct
from diffpose_nb.camera import Camera
from diffpose_nb.train import PoseRange
from diffpose_nb.widgets import Choice, choose, pose_cloud
from diffpose_nb.widgets.cloud import ends

SHADES = {"dark": 0.1, "bright": 0.9}


def draw(shade, size):
    picture = np.full((20, 20 * len(size)), SHADES[shade])
    return Choice(picture, f"a {shade} < picture, {size}", f"it is {shade}")


CONTROLS = {"shade": list(SHADES), "size": ["S", "MM"]}


def shown(page, box=0):
    return page.evaluate(
        "n => [...document.querySelectorAll('.dp-picker')[n].querySelectorAll('figure')]"
        ".filter(f => f.offsetHeight).map(f => f.querySelector('img').alt)",
        box,
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_one_picture_is_shown_and_the_controls_pick_it(open_page, theme):
    page = open_page(choose(CONTROLS, draw).data + choose(CONTROLS, draw).data, theme=theme)
    assert shown(page) == ["a dark < picture, S"]
    page.locator(".dp-picker").first.get_by_text("bright", exact=True).click()
    assert shown(page) == ["a bright < picture, S"]
    page.locator(".dp-picker").first.get_by_text("MM", exact=True).click()
    assert shown(page) == ["a bright < picture, MM"]
    assert shown(page, 1) == ["a dark < picture, S"], "another widget of the page stays as it is"
    assert not page.complaints
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_what_is_set_at_first(open_page):
    page = open_page(choose(CONTROLS, draw, start=("bright", "MM")).data)
    assert shown(page) == ["a bright < picture, MM"]
    with pytest.raises(ValueError, match="one option of each of shade, size"):
        choose(CONTROLS, draw, start=("bright", "L"))


def test_the_keyboard_picks_too(open_page):
    page = open_page(choose(CONTROLS, draw).data)
    page.locator("input").first.focus()
    page.keyboard.press("ArrowRight")
    assert shown(page) == ["a bright < picture, S"]


def test_without_scripts_all_pictures_are_there(open_page):
    page = open_page(re.sub("<script>.*?</script>", "", choose(CONTROLS, draw).data, flags=re.DOTALL))
    assert len(shown(page)) == 4


@pytest.mark.parametrize(
    ("controls", "message"),
    [({}, "at least one"), ({"a": []}, "at least one"), ({"a": [str(n) for n in range(65)]}, "65 combinations")],
)
def test_controls_that_make_no_sense(controls, message):
    with pytest.raises(ValueError, match=message):
        choose(controls, lambda *_: Choice(np.zeros((2, 2)), "a picture"))


def test_a_picture_needs_words():
    with pytest.raises(ValueError, match="no alternative text for x"):
        choose({"a": ["x"]}, lambda _: Choice(np.zeros((2, 2)), " "))


@pytest.fixture(scope="module")
def cloud():
    volume = np.full((20, 20, 20), -1000.0)
    volume[5:15, 5:15, 3:15] = 300
    subject = ct.make_subject(volume, np.diag([10.0, 10, 10, 1]))
    return pose_cloud(subject, PoseRange(), Camera(1020, (9.6, 9.6), (32, 32)), pixels=24).data


def test_a_slider_narrows_the_cloud_and_changes_the_ends(open_page, cloud):
    page = open_page(cloud)
    visible = "n => [...document.querySelectorAll('.dp-axis')[n].querySelectorAll('figure')]" \
        ".filter(f => f.offsetHeight).map(f => f.querySelector('img').alt)"  # fmt: skip
    assert page.evaluate(visible, 0) == ["DRR at primary −30°", "DRR at primary +30°"]
    picture = "() => document.querySelector('canvas').toDataURL()"
    wide = page.evaluate(picture)
    page.locator("input[type=range]").first.fill("1")
    assert page.evaluate(visible, 0) == ["DRR at primary −7.5°", "DRR at primary +7.5°"]
    assert page.locator("output").first.inner_text() == "±7.5°"
    assert page.evaluate(picture) != wide
    assert "primary ±7.5 °" in page.locator("canvas").get_attribute("aria-label")
    assert not page.complaints
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_cloud_can_be_turned(open_page, cloud):
    page = open_page(cloud)
    picture = "() => document.querySelector('canvas').toDataURL()"
    before = page.evaluate(picture)
    page.locator("canvas").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(picture) != before


def test_ends_are_those_of_the_range():
    poses = PoseRange()
    both = ends(poses, 3, 4)  # x, all of it
    offsets = poses.parameters(both)
    assert torch.allclose(offsets[:, 3], torch.tensor([-50.0, 50.0]).double())
    assert torch.allclose(offsets[:, [0, 1, 2, 4, 5]], torch.zeros(2, 5).double(), atol=1e-6)
