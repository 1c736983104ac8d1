"""The landscape explorer in a browser: the right number at the cursor, the right way up, by mouse, sliders and keys."""

import base64
import re
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import pytest
import torch

from diffpose_nb.similarity import landscapes
from diffpose_nb.widgets import landscape_explorer

STEPS = 9
PAIR = (3, 5)  # x to 60 mm, depth to 100 mm


def maps():
    """Two losses over every pair; no mirror and no exchange of the two parameters leaves them as they are."""
    found = {"sloped": [], "bowl <b>": []}
    for first, second in landscapes.PAIRS:
        offsets = landscapes.grid(first, second, STEPS)
        u, v = (offsets[:, n] / landscapes.SPAN[n] for n in (first, second))
        found["sloped"].append((10 + 3 * u + v + 0.1 * first).reshape(STEPS, STEPS))
        found["bowl <b>"].append(((u - 0.5) ** 2 + (v + 0.25) ** 2).reshape(STEPS, STEPS))
    return {name: torch.stack(values) for name, values in found.items()}


@pytest.fixture
def page(open_page):
    page = open_page(landscape_explorer(maps(), pair=PAIR).data, viewport={"width": 900, "height": 900})
    yield page
    assert not page.complaints
    page.close()


def said(page):
    page.wait_for_timeout(100)
    return page.locator(".dp-here").inner_text()


def slider(page, name):
    return page.get_by_role("slider", name=name, exact=True)


def test_it_says_the_loss_at_the_cursor(page):
    """Between the grid's offsets linear: 10 + 3 · 16/60 + 20/100 + 0.3 = 11.3."""
    assert "sloped at x 0 mm, depth 0 mm: 10.3." in said(page)
    slider(page, "x").fill("16")
    slider(page, "depth").fill("20")
    assert "sloped at x 16 mm, depth 20 mm: 11.3. At the truth 10.3; lowest 6.30 at x −60 mm, depth −100 mm." in said(
        page
    )
    slider(page, "depth").fill("-37")
    assert "depth −37 mm: 10.7." in said(page)
    page.get_by_role("radio", name="bowl <b>").check()
    assert "bowl <b> at x 16 mm, depth −37 mm: 0.0883." in said(page)  # 0.0625 · (14/15 + 12/25)
    page.get_by_role("button", name="to the lowest").click()
    assert "bowl <b> at x 30 mm, depth −25 mm: 0.00." in said(page)


def test_the_other_pairs_are_there(page):
    page.get_by_role("combobox", name="parameters").select_option("pitch and roll")
    slider(page, "pitch").fill("6")
    slider(page, "roll").fill("-10")
    assert "sloped at pitch 6°, roll −10°: 10.4." in said(page)  # 10 + 0.9 − 0.5 + 0


def test_the_map_is_the_right_way_up(page):
    """Colours of the map, away from its level lines, are cividis of the loss; x goes to the right, depth upwards."""
    data = page.locator("svg image").get_attribute("href").partition(",")[2]
    picture = np.asarray(PIL.Image.open(BytesIO(base64.b64decode(data))).convert("RGB"), float)
    size = len(picture)
    share = np.linspace(-1, 1, size)
    level = (3 * share[None, :] - share[:, None] + 4) / 8  # rows of a picture go down
    wanted = 255 * plt.get_cmap("cividis")(level)[..., :3]
    assert (np.abs(picture - wanted).max(-1) < 3).mean() > 0.9
    lines = picture[size // 2, :, 2] > wanted[size // 2, :, 2] + 30
    assert (np.diff(lines.astype(int)) == 1).sum() == 7, "a level line at each tenth from 1/8 to 7/8"
    for mirrored in (picture[:, ::-1], picture[::-1], picture.transpose(1, 0, 2)):
        assert (np.abs(mirrored - wanted).max(-1) < 3).mean() < 0.5


def test_a_click_moves_the_cursor_there(page):
    box = page.locator("svg image").bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.1 * box["height"])
    assert "x 30 mm, depth 80 mm: 12.6." in said(page)
    page.mouse.down()
    page.mouse.move(box["x"] + 3 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.up()
    assert "x 60 mm, depth 0 mm: 13.3." in said(page), "it stays on the map"


def test_keys_and_names(page):
    assert page.get_by_role("group", name="loss landscape").count() == 1
    assert page.get_by_role("group", name="loss", exact=True).count() == 1
    map_ = page.get_by_role("application")
    map_.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert "x 2 mm, depth −4 mm" in said(page)
    assert "cursor at x 2 mm, depth −4 mm" in map_.get_attribute("aria-label")
    assert slider(page, "x").input_value() == "2"
    slider(page, "x").press("ArrowLeft")
    assert "x 1 mm" in said(page)
    assert slider(page, "x").get_attribute("aria-valuetext") == "1 mm"
    page.get_by_role("button", name="to the truth").press("Enter")
    assert "x 0 mm, depth 0 mm" in said(page)
    page.get_by_role("radio", name="sloped").press("ArrowDown")
    assert "bowl <b> at" in said(page)


def test_the_cuts_are_those_through_the_cursor(page):
    """Of the sloped loss: below, a line that rises by 3/4 of the range; beside the map, by 1/4."""
    slider(page, "depth").fill("100")
    page.wait_for_timeout(100)
    right, below = page.locator(".dp-cursor path[stroke='#3A9BD9']").all()

    def points(path):
        return np.array([[float(v) for v in p.split()] for p in path.get_attribute("d")[1:].split("L")])

    frames = [{k: float(r.get_attribute(k)) for k in ("x", "y", "width", "height")} for r in page.locator("rect").all()]
    beside, under = frames[1:]
    shares = (under["y"] + under["height"] - points(below)[:, 1]) / under["height"]
    assert np.allclose(shares, np.linspace(0.25, 1, STEPS), atol=1e-3)
    shares = (points(right)[:, 0] - beside["x"]) / beside["width"]
    assert np.allclose(shares, 0.375 + np.linspace(0, 0.25, STEPS), atol=1e-3)
    assert (np.diff(points(right)[:, 1]) < 0).all(), "depth goes upwards"


def test_what_ships_is_shown(open_page):
    """By itself it takes the example's landscapes; the number is the file's to three digits."""
    page = open_page(landscape_explorer(loss="gradient NCC", pair=(0, 4)).data)
    shipped = landscapes.load().maps[list(landscapes.LOSSES).index("gradient NCC"), landscapes.PAIRS.index((0, 4))]
    middle = shipped.shape[0] // 2
    slider(page, "pitch").fill("-20")
    slider(page, "y").fill("60")
    here, truth = re.search(r"y 60 mm: (\S+)\. At the truth (\S+);", said(page)).groups()
    assert float(here) == pytest.approx(shipped[0, -1].item(), rel=6e-3)
    assert float(truth) == pytest.approx(shipped[middle, middle].item(), rel=6e-3)
    assert not page.complaints
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone_and_takes_the_page_s_colours(open_page, theme):
    page = open_page(landscape_explorer(maps()).data, theme=theme)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    color = page.evaluate("getComputedStyle(document.body).color")
    assert page.locator("svg text").first.evaluate("(e) => getComputedStyle(e).fill") == color
    for part in (".dp-pill", ".dp-bar label", ".dp-here", "select"):
        assert page.locator(part).first.evaluate("(e) => getComputedStyle(e).color") == color, part
    page.close()


def test_without_scripts_there_is_a_picture(open_page):
    page = open_page(landscape_explorer(maps(), pair=PAIR).data, java_script_enabled=False)
    still = page.locator("img")
    assert still.is_visible() and "over x and depth of sloped, bowl <b>" in still.get_attribute("alt")
    assert still.evaluate("(e) => e.naturalWidth") > 300
    assert not page.locator("svg").is_visible()
    page.close()


def test_it_is_small():
    assert len(landscape_explorer().data) < 400_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maps": {}}, "maps is empty"),
        ({"loss": "L1"}, "loss is 'L1': it can be 'sloped'"),
        ({"pair": (5, 3)}, r"pair is \(5, 3\)"),
        ({"maps": {"a": torch.zeros(15, 8, 8)}, "loss": "a"}, r"shape \(15, 8, 8\)"),
        ({"maps": {"a": torch.zeros(6, 9, 9)}, "loss": "a"}, r"shape \(6, 9, 9\)"),
        ({"maps": {"a": torch.full((15, 9, 9), torch.inf)}, "loss": "a"}, "NaN or infinite"),
    ],
)
def test_bad_input_is_refused(change, message):
    arguments = {"maps": maps(), **change}
    with pytest.raises(ValueError, match=message):
        landscape_explorer(arguments.pop("maps"), **arguments)
