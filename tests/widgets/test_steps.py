"""The stepper in a browser, from the disk: it steps, it says so, and it asks the web for nothing."""

import base64
import re
from io import BytesIO
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import pytest
import pyvista as pv
import torch
from playwright.sync_api import sync_playwright

from diffpose_nb import dicom, frames, scenes
from diffpose_nb.camera import Camera
from diffpose_nb.widgets import Step, stepper

FLAGS = ["--no-sandbox", "--disable-background-networking"]
SOFTWARE_WEBGL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PHONE = {"width": 390, "height": 844}
GREYS = (0.2, 0.5, 0.8)


def steps():
    return [
        Step(f"grey {grey}", np.full((40, 60), grey), f'a "grey" picture, {grey} < 1', f"Caption <{n}>.")
        for n, grey in enumerate(GREYS)
    ]


def views():
    """A detector with one bright quarter, from two sides of a ball."""
    pixels = torch.zeros(40, 40)
    pixels[:20, :20] = 1
    camera = Camera(1020.0, (8.0, 8.0), (40, 40))
    return [dicom.XRay(pixels, camera, frames.carm_pose(*angles, 700)) for angles in [(0, 0), (60, 20), (-60, 0)]]


@pytest.fixture(scope="module")
def scene():
    return scenes.interactive(views(), pv.Sphere(radius=90), origins={"corner": torch.eye(4)}, size=300)


@pytest.fixture(scope="module")
def browse(chromium):
    """Opens HTML from the disk; ``page.complaints`` are requests that leave it, and errors of scripts."""
    with sync_playwright() as playwright:
        browsers = {
            gl: playwright.chromium.launch(executable_path=chromium, args=FLAGS + gl.split()) for gl in (_GL, _NO_GL)
        }

        def browse(text, folder, gl=_NO_GL, **kwargs):
            (folder / "page.html").write_text(f"<!doctype html><body>{text}</body>", encoding="utf-8")
            page = browsers[gl].new_page(viewport=PHONE, **kwargs)
            page.complaints = []
            local = ("file:", "data:", "blob:", "about:")
            page.on("request", lambda r: r.url.startswith(local) or page.complaints.append(r.url))
            page.on("pageerror", lambda error: page.complaints.append(str(error)))
            page.goto((folder / "page.html").as_uri(), wait_until="load")
            return page

        yield browse
        for browser in browsers.values():
            browser.close()


_GL, _NO_GL = " ".join(SOFTWARE_WEBGL), "--disable-3d-apis"


def shown(page):
    return page.locator(".dp-stepper figcaption:visible").all_inner_texts()


def test_buttons_slider_and_arrow_keys_step(browse, tmp_path):
    page = browse(stepper(steps(), label="grey").data, tmp_path)
    back, forth = page.get_by_label("previous grey"), page.get_by_label("next grey")
    slider = page.get_by_role("slider", name="grey")
    assert shown(page) == ["1. grey 0.2 Caption <0>."]
    assert back.is_disabled() and forth.is_enabled()
    forth.click()
    assert shown(page) == ["2. grey 0.5 Caption <1>."]
    assert slider.get_attribute("aria-valuetext") == "2. grey 0.5"
    slider.press("ArrowRight")
    assert shown(page) == ["3. grey 0.8 Caption <2>."] and forth.is_disabled()
    back.press("ArrowLeft")
    assert shown(page) == ["2. grey 0.5 Caption <1>."], "arrows work on the buttons, too"
    slider.fill("1")
    assert shown(page) == ["1. grey 0.2 Caption <0>."]
    assert not page.complaints
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), "it fits a phone"
    page.close()


def test_two_on_a_page_do_not_meddle(browse, tmp_path):
    page = browse(stepper(steps()).data + stepper(steps()).data, tmp_path)
    page.get_by_label("next step").nth(1).click()
    assert shown(page) == ["1. grey 0.2 Caption <0>.", "2. grey 0.5 Caption <1>."]
    page.close()


def test_without_scripts_everything_is_there(browse, tmp_path):
    page = browse(stepper(steps()).data, tmp_path, java_script_enabled=False)
    assert len(shown(page)) == 3
    assert not page.get_by_label("next step").is_visible()
    page.close()


def test_it_takes_the_page_s_colours(browse, tmp_path):
    page = browse(f'<div style="color: rgb(1, 200, 3); background: black">{stepper(steps()).data}</div>', tmp_path)
    for part in ("figcaption", "button"):
        color = page.locator(f".dp-stepper {part}").first.evaluate("(e) => getComputedStyle(e).color")
        assert color == "rgb(1, 200, 3)"
    page.close()


def test_pictures_are_in_the_page():
    """Of an array, of a figure, which is closed, and of a PNG file's bytes; alternative texts are escaped."""
    figure = plt.figure(figsize=(1, 1))
    packed = BytesIO()
    PIL.Image.new("RGB", (7, 5), "red").save(packed, "png")
    text = stepper([*steps(), Step("f", figure, "a figure"), Step("p", packed.getvalue(), "a file")]).data
    assert not plt.fignum_exists(figure.number)
    images = [base64.b64decode(data) for data in re.findall(r'src="data:image/\w+;base64,([^"]+)"', text)]
    sizes = [PIL.Image.open(BytesIO(image)).size for image in images]
    assert sizes == [(60, 40), (60, 40), (60, 40), (120, 120), (7, 5)]
    for image, grey in zip(images, GREYS, strict=False):
        assert np.asarray(PIL.Image.open(BytesIO(image)).convert("L")).mean() == pytest.approx(255 * grey, abs=3)
    assert 'alt="a &quot;grey&quot; picture, 0.2 &lt; 1"' in text


def test_nothing_to_show_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        stepper([])
    with pytest.raises(ValueError, match="no alternative text for 'grey'"):
        stepper([Step("grey", np.zeros((4, 4)), " ")])
    with pytest.raises(ValueError, match="'grey': a tuple of 2"):
        stepper([Step("grey", (np.zeros((4, 4)), np.ones((4, 4))), "both")])


def test_several_pictures_stand_side_by_side_or_one_below_another(browse, tmp_path):
    pair = Step("two", (np.zeros((40, 60)), np.ones((40, 60))), ("a black one", "a white one"))
    page = browse(stepper([pair]).data, tmp_path)
    places = []
    for width in (390, 900):
        page.set_viewport_size({"width": width, "height": 800})
        boxes = [page.get_by_alt_text(alt).bounding_box() for alt in ("a black one", "a white one")]
        places.append((boxes[1]["x"] > boxes[0]["x"], boxes[1]["y"] > boxes[0]["y"]))
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert places == [(False, True), (True, False)]
    page.close()


def _frame(page):
    element = page.locator("iframe").element_handle()
    element.scroll_into_view_if_needed()
    return element, element.content_frame()


def test_the_scene_follows_the_slider(browse, scene, tmp_path):
    """In vtk.js: something other than background, another at each step, the viewpoint kept, nothing requested."""
    page = browse(stepper(steps(), scene=scene).data, tmp_path, _GL)
    element, frame = _frame(page)
    frame.wait_for_selector("body[data-ready]", timeout=60_000)
    pictures = []
    for _ in range(3):
        page.wait_for_timeout(300)
        image = PIL.Image.open(BytesIO(element.screenshot())).convert("RGB")
        pictures.append(np.asarray(image, float))
        assert (np.asarray(image.convert("L")) < 200).mean() > 0.01, "nothing but background"
        page.get_by_label("next step").click(force=True)
    assert all(np.abs(a - b).mean() > 1 for a, b in pairwise(pictures))
    assert not page.complaints
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")

    looks = "global.renderWindow.getRenderers().map((r) => r.getActiveCamera().getPosition()).flat()"
    before = frame.evaluate(looks)
    page.get_by_label("previous step").click(force=True)
    frame.wait_for_function("current === 1")  # a message is on its way
    assert frame.evaluate(looks) == before
    visible = "actors.map((a) => a.getVisibility())"
    groups = frame.evaluate("settings.steps")
    flags = frame.evaluate(visible)
    assert all(flags[k] == (n == 1) for n, group in enumerate(groups) for k in group)
    assert all(flags[: groups[0][0]]), "the patient is always there"
    page.close()


def test_vtk_js_and_vtk_see_the_same(browse, scene, tmp_path):
    """The stills are PyVista's: a scene mirrored, or seen from elsewhere, would not agree with them."""
    page = browse(stepper(steps(), scene=scene).data, tmp_path, _GL)
    element, frame = _frame(page)
    frame.wait_for_selector("body[data-ready]", timeout=60_000)
    still = base64.b64decode(frame.evaluate("settings.stills[0]"))
    frame.add_style_tag(content="#names, #lines, #views, #hint { display: none !important }")  # not in the still
    live, still = (_shape(picture) for picture in (element.screenshot(), still))

    def alike(a, b):
        return np.corrcoef(a.ravel(), b.ravel())[0, 1]

    assert alike(live, still) > 0.9
    assert alike(live[:, ::-1], still) < 0.85
    page.close()


def _shape(picture):
    """Grey values of what is drawn, without the white around it: the page leaves more room, for names and buttons."""
    grey = PIL.Image.open(BytesIO(picture)).convert("L")
    box = grey.point(lambda value: 255 * (value < 150)).getbbox()
    return np.asarray(grey.crop(box).resize((150, 150)), float)


def test_without_webgl_there_is_a_still(browse, scene, tmp_path):
    page = browse(stepper(steps(), scene=scene).data, tmp_path)
    _, frame = _frame(page)
    frame.wait_for_selector("#hint:not(:empty)")
    assert "no 3D" in frame.inner_text("#hint")
    first = frame.locator("#still").get_attribute("src")
    page.get_by_label("next step").click()
    page.wait_for_timeout(200)
    assert frame.locator("#still").is_visible()
    assert frame.locator("#still").get_attribute("src") != first
    assert not page.complaints
    page.close()
