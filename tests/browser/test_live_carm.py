"""The C-arm in a page without a kernel: its DRR is the package's, and it does what the reader's hand does."""

import base64
import functools
import json
import statistics
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchio

from diffpose_nb import data, dicom, evaluate
from diffpose_nb.ct import landmarks
from diffpose_nb.render import Renderer
from diffpose_nb.widgets import Step, element, stepper
from diffpose_nb.widgets.console import FIELD, SLIDERS, View

NEEDS_WEBGL = True
FILES = Path(__file__).parents[2] / "book" / "_static" / "carm"
MOST = 2_000_000  # bytes of the CT's file
RIGHT = 0.003  # mean relative error that the picture may have; a shift by one pixel makes twice as much and more
STILL = stepper([Step("the still", np.zeros((9, 9)), "a still picture")]).data
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
def rendered(small):
    """Renders a view by the package, with steps so short that the sum has converged; each view once."""

    @functools.cache
    def rendered(view, pixels=256):
        return Renderer(small, view.camera(pixels), step=0.5)(view.pose())[0, 0].numpy()

    return rendered


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

    def open_carm(text, *, before=lambda page: None, root="../"):
        page = open_page()
        before(page)
        path = site / "notebooks" / "page.html"
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        html = (
            f'<!doctype html><html lang="en" data-content_root="{root}"><head>{head}</head><body>{text}</body></html>'
        )
        path.write_text(html, encoding="utf-8")
        page.goto(path.as_uri(), wait_until="load")
        page.wait_for_selector("dp-carm[data-ready]", state="attached")
        return page

    return open_carm


CONSOLE = element.carm(STILL, BARS, vars(View()), field=FIELD, views={"lateral": {"primary": 90, "secondary": 0}})
REGISTRATION = STILL.join(element.registration())


@pytest.fixture(scope="module")
def carm(open_carm):
    page = open_carm(CONSOLE)
    assert page.locator("dp-carm").get_attribute("data-ready") == "yes"
    return page


@pytest.fixture(scope="module")
def registering(open_carm):
    page = open_carm(REGISTRATION, before=lambda page: page.emulate_media(reduced_motion="reduce"))
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


def view_of(page):
    return page.evaluate("document.querySelector('dp-carm').view")


def error(image, expected):
    """Mean relative error where the ray meets the patient."""
    body = expected > 0.05
    assert body.mean() > 0.3
    return np.abs(image - expected)[body].mean() / expected[body].mean()


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_picture_is_the_packages(carm, rendered, view, measured):
    found = error(drawn(carm, vars(view)), rendered(view))
    measured(f"live C-arm, {view}: mean relative error {found:.3%}")
    assert found < RIGHT
    assert not carm.complaints


def test_so_is_the_smaller_one_of_slow_machines(carm, rendered):
    view = VIEWS[1]
    assert error(drawn(carm, vars(view), 128), rendered(view, 128)) < RIGHT


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_bound_sees_what_is_wrong(rendered, view):
    expected = rendered(view)
    wrong = {
        "mirrored": (expected[:, ::-1], expected),
        "upside down": (expected[::-1], expected),
        "turned": (np.rot90(expected), expected),
        "one column further": (expected[:, :-1], expected[:, 1:]),
        "one row further": (expected[:-1], expected[1:]),
        "one degree further": (rendered(replace(view, primary=view.primary + 1)), expected),
    }
    for name, (image, right) in wrong.items():
        assert error(image, right) > 2 * RIGHT, name


def test_the_heart_lies_on_the_patients_left(carm):
    """Which is on the picture's right at 0°/0°, since we face the patient; the letters say so, too."""
    image = drawn(carm, vars(View(0, 0)))
    rows, spine = slice(110, 150), 128
    beside = {"R": image[rows, spine - 60 : spine - 20].mean(), "L": image[rows, spine + 20 : spine + 60].mean()}
    assert beside["L"] > 1.2 * beside["R"]
    assert carm.locator(".dp-live .dp-left").inner_text() == "R"
    assert carm.locator(".dp-live .dp-right").inner_text() == "L"
    assert carm.locator(".dp-live .dp-top").inner_text() == "H"
    assert carm.locator(".dp-live .dp-bottom").inner_text() == "F"


def test_the_file_is_the_example_averaged(small, example):
    """Voxel by voxel, in the world; written without the command's own functions."""
    assert (FILES / "ct.js").stat().st_size < MOST
    whole, part = example.density, small.density
    mean = torch.nn.functional.avg_pool3d(whole.data[None], (4, 4, 1))[0, 0].numpy()
    first = np.linalg.inv(whole.affine) @ part.affine @ np.array([0, 0, 0, 1.0])  # centre of the first, in voxels
    start = (first[:3] - np.array([1.5, 1.5, 0])) / np.array([4, 4, 1])
    assert np.allclose(start, start.round(), atol=1e-6)
    assert np.allclose(np.abs(np.diag(part.affine)[:3]), np.diag(np.abs(whole.affine))[:3] * [4, 4, 1])
    box = tuple(slice(int(low), int(low) + n) for low, n in zip(start.round(), part.spatial_shape, strict=True))
    unit = read("ct")["unit"]
    assert np.abs(mean[box] - part.data[0].numpy()).max() < 0.51 * unit
    rest = mean.copy()
    rest[box] = 0
    assert rest.max() <= 2.5 * unit, "what was cut off is air"


def test_the_mouse_turns_the_carm(carm):
    drawn(carm, vars(View(0, 0)))
    box = carm.locator("dp-carm canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    drag(carm, (x, y), (x + box["width"] / 4, y - box["width"] / 12))
    view = view_of(carm)
    assert view["primary"] == pytest.approx(30, abs=1), "to the right is to the patient's left"
    assert view["secondary"] == pytest.approx(10, abs=1), "up is to the head"
    assert view["left"] == view["head"] == 0


def test_with_shift_it_shifts_the_patient(carm, rendered):
    """What was in the middle is then under the mouse."""
    before = View(20, 10)
    drawn(carm, vars(before))
    box = carm.locator("dp-carm canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    carm.keyboard.down("Shift")
    drag(carm, (x, y), (x - box["width"] / 8, y + box["width"] / 8))
    carm.keyboard.up("Shift")
    now = view_of(carm)
    after = replace(before, left=now["left"], head=now["head"])
    assert (now["primary"], now["secondary"]) == (20, 10)
    middle = torch.tensor([before.isocenter], dtype=torch.float64)
    column, row = after.camera(256).project(middle, after.pose())[0].tolist()
    assert column == pytest.approx(127.5 - 32, abs=6) and row == pytest.approx(127.5 + 32, abs=6)


def test_two_fingers_shift_and_one_turns(carm):
    drawn(carm, vars(View(0, 0)))
    box = carm.locator("dp-carm canvas").bounding_box()
    x, y, far = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] / 4
    touch(carm, [[(x, y)], [(x + far / 2, y)], [(x + far, y)], []])
    assert view_of(carm)["primary"] == pytest.approx(30, abs=6)
    assert view_of(carm)["left"] == 0
    two = [[(x + step, y), (x + 40 + step, y)] for step in (0, far / 2, far)]
    drawn(carm, vars(View(0, 0)))
    touch(carm, [*two, []])
    assert view_of(carm)["primary"] == 0
    assert view_of(carm)["left"] == pytest.approx(-FIELD / 4 * 700 / 1020, abs=10), "the patient follows the fingers"


def test_keys_move_sliders_and_turn_the_picture(carm):
    drawn(carm, vars(View(0, 0)))
    carm.locator("dp-carm input[name=sid]").press("ArrowRight")
    assert view_of(carm)["sid"] == 1030
    picture = carm.locator("dp-carm canvas")
    picture.press("ArrowLeft")
    picture.press("ArrowUp")
    assert (view_of(carm)["primary"], view_of(carm)["secondary"]) == pytest.approx((-1, 1))
    carm.wait_for_function("document.querySelector('dp-carm').shown > 0")
    carm.get_by_text("RAO 1°, CRA 1°; SID 1030 mm, SOD 700 mm").wait_for()
    carm.get_by_role("button", name="lateral").click()
    assert (view_of(carm)["primary"], view_of(carm)["sid"]) == (90, 1030)
    carm.get_by_role("button", name="start again").click()
    assert {name: view_of(carm)[name] for name in SLIDERS} == vars(View())


def test_how_fast_it_is_without_a_graphics_card(carm, measured):
    """It is drawn by the processor here, which says nothing about a phone; so nothing is asked."""
    times = carm.evaluate(
        """() => [256, 128].map((pixels) => Array.from({ length: 5 }, () => {
          const began = performance.now();
          document.querySelector("dp-carm").show(pixels);
          return performance.now() - began;
        }))"""
    )
    for pixels, some in zip((256, 128), times, strict=True):
        measured(f"live C-arm, {pixels}² in software: {statistics.median(some):.0f} ms a picture")


def test_it_begins_where_the_header_says_and_ends_at_the_truth(registering, small):
    """The errors in mm are those of the package, and the last picture is rendered from the last pose."""
    xray, truth, task = dicom.read_xray(data.EXAMPLE_XRAY), data.example_truth(), read("registration")
    points = torch.tensor(task["landmarks"], dtype=torch.float64)
    start = evaluate.mtre(xray.world_from_camera, truth, points).item()
    assert registering.evaluate("document.querySelector('dp-carm').error") == pytest.approx(start, abs=1e-3)
    colour = saturation(registering)
    registering.get_by_role("button", name="let the algorithm do it").click()
    registering.get_by_text("rendering 24 of 24").wait_for()
    image = drawn(registering)
    matrix = registering.evaluate(
        "diffposeCArm.geometry.matrix(document.querySelector('dp-carm').pose)",
    )
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3] = torch.tensor(matrix)
    last = registering.evaluate("document.querySelector('dp-carm').error")
    assert last == pytest.approx(evaluate.mtre(pose, truth, points).item(), abs=1e-4)
    assert last < 0.2 < 20 < start
    camera = xray.camera.resize(256, 256)
    assert error(image, Renderer(small, camera, step=0.5)(pose)[0, 0].numpy()) < RIGHT
    assert saturation(registering) < 0.5 * colour, "it has become grey"
    assert not registering.complaints


def test_the_landmarks_are_those_of_the_ct(example):
    points = landmarks(example)[["x", "y", "z"]].to_numpy()
    assert np.allclose(read("registration")["landmarks"], points, atol=1e-3)
    assert np.allclose(read("registration")["truth"], data.example_truth()[:3])


def test_the_reader_takes_over_from_the_algorithm(registering):
    registering.get_by_role("button", name="start again").click()
    registering.locator("dp-carm input[name=turn]").press("ArrowLeft")
    assert view_of(registering)["turn"] == pytest.approx(-0.1)
    registering.get_by_text("By hand, the best so far").wait_for()
    registering.get_by_label("the algorithm's rendering").press("Home")
    assert view_of(registering)["turn"] == 0
    registering.get_by_text("The algorithm, rendering 1 of 24").wait_for()


def test_the_steps_play_one_after_the_other(open_carm):
    page = open_carm(REGISTRATION)
    page.get_by_role("button", name="let the algorithm do it").click()
    steps = [page.evaluate("document.querySelector('dp-carm').step")]
    while steps[-1] < 3:
        page.wait_for_timeout(50)
        steps.append(page.evaluate("document.querySelector('dp-carm').step"))
    assert set(range(4)) <= set(steps) and steps == sorted(steps)
    page.locator("dp-carm input[name=head]").press("ArrowRight")
    page.get_by_text("By hand, the best so far").wait_for()
    halted = page.evaluate("document.querySelector('dp-carm').step")
    page.wait_for_timeout(800)
    assert page.evaluate("document.querySelector('dp-carm').step") == halted
    page.close()


@pytest.mark.parametrize("name", ["book/index", "notebooks/02_intrinsics", "notebooks/05_drr_rendering"])
def test_in_the_book(open_page, html, name):
    """As it is opened from the disk; the still, which is hidden, loads no pictures."""
    page = open_page()
    page.goto((html / f"{name}.html").as_uri(), wait_until="load")
    page.locator("dp-carm").scroll_into_view_if_needed()
    page.wait_for_selector("dp-carm[data-ready]", state="attached")
    assert page.locator("dp-carm").get_attribute("data-ready") == "yes"
    assert not page.locator("dp-carm .dp-still").is_visible()
    assert not page.complaints
    page.close()


@pytest.mark.parametrize("why", ["no WebGL2", "no file"])
def test_else_the_still_stays(open_carm, why):
    refuse = """const first = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function(kind, ...more) {
        return kind === "webgl2" ? null : first.call(this, kind, ...more);
      };"""
    if why == "no WebGL2":
        page = open_carm(CONSOLE, before=lambda page: page.add_init_script(refuse))
    else:
        page = open_carm(CONSOLE, root="../nowhere/")
    assert page.locator("dp-carm").get_attribute("data-ready") == "still"
    assert page.get_by_alt_text("a still picture").is_visible()
    assert page.locator("dp-carm > .dp-live").count() == 0
    page.close()


@pytest.mark.parametrize("text", [CONSOLE, REGISTRATION], ids=["console", "registration"])
def test_it_fits_a_phone(open_carm, text):
    page = open_carm(text, before=lambda page: page.set_viewport_size({"width": 360, "height": 740}))
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert page.locator("dp-carm canvas").bounding_box()["width"] > 300
    assert not page.get_by_alt_text("a still picture").is_visible()
    inputs = page.locator("dp-carm > .dp-live input[type=range]:visible")
    assert inputs.count() == 6
    for n in range(6):
        assert inputs.nth(n).bounding_box()["height"] >= 24, "a finger has to find it"
    page.close()


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    for share in (0.25, 0.5, 0.75, 1.0):
        page.mouse.move(*(a + share * (b - a) for a, b in zip(start, end, strict=True)))
    page.mouse.up()


def touch(page, moments):
    """Fingers on the screen, moment by moment."""
    client = page.context.new_cdp_session(page)
    client.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    before = []
    for points in moments:
        kind = "touchEnd" if not points else "touchMove" if before else "touchStart"
        fingers = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
        before = points
    client.detach()


def saturation(page):
    """How far the picture's colours are from grey, on average, 0 to 1."""
    return page.evaluate(
        """() => {
          const canvas = document.querySelector("dp-carm canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let sum = 0;
          for (let n = 0; n < data.length; n += 4) sum += Math.abs(data[n] - data[n + 2]);
          return sum / 255 / (data.length / 4);
        }"""
    )
