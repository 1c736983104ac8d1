"""The live C-arm: the right picture, of the newest values, and none of it alive where there is no kernel."""

import asyncio
import html
import json
import re
from io import BytesIO

import numpy as np
import PIL.Image
import pytest
import pyvista as pv
import torch
import torchio
from IPython.display import HTML
from scipy import ndimage

from diffpose_nb import ct, widgets
from diffpose_nb.render import Renderer
from diffpose_nb.widgets import console as carm_console
from diffpose_nb.widgets import element
from diffpose_nb.widgets.newest import Newest

MESH = pv.Sphere(radius=60)


@pytest.fixture(scope="module")
def subject():
    """A smooth body that looks different from every side, and turned over."""
    generator = torch.Generator().manual_seed(2)
    values = torch.nn.functional.interpolate(torch.rand(1, 1, 5, 6, 7, generator=generator), (48, 48, 48))[0]
    affine = np.diag([5.0, 5.0, 5.0, 1.0])
    affine[:3, 3] = -5.0 * 47 / 2
    return torchio.Subject(density=torchio.ScalarImage(tensor=0.02 * values, affine=affine))


@pytest.fixture
def quick(monkeypatch):
    """A patch of one colour for a scene, another for each view."""
    monkeypatch.setattr(carm_console, "_scene", lambda _, __, view: PIL.Image.new("L", (2, 2), hash(view) % 256))


@pytest.fixture
def console(subject, quick):
    return widgets.carm_console(subject, MESH)


def decoded(image):
    return np.asarray(PIL.Image.open(BytesIO(image.value)).convert("L"), float)


def ncc(first, second):
    return np.corrcoef(first.ravel(), second.ravel())[0, 1]


def agreement(console, subject, view, turn=lambda drr: drr):
    """NCC of what is shown, away from the letters, and a DRR rendered here."""
    shown = decoded(console.drr)
    camera = view.camera(len(shown) // 4)
    drr = turn(Renderer(subject, camera, step=0.5)(view.pose())[0, 0].numpy())
    shown = shown.reshape(len(drr), 4, len(drr), 4).mean((1, 3))
    inner = slice(len(drr) // 8, -(len(drr) // 8))
    return ncc(shown[inner, inner], drr[inner, inner])


@pytest.mark.parametrize(
    ("name", "value"),
    [("primary", -50.0), ("secondary", 30.0), ("sid", 1250.0), ("sod", 560.0), ("left", 60.0), ("head", -80.0)],
)
def test_a_slider_changes_the_picture_to_the_right_one(console, subject, name, value):
    before = console.view
    old_picture, old_scene = console.drr.value, console.scene.value
    console.sliders[name].value = value
    after = carm_console.View(**{**vars(before), name: value})
    assert console.view == after != before
    assert console.drr.value != old_picture and console.scene.value != old_scene
    assert agreement(console, subject, after) > 0.99
    for other in (agreement(console, subject, after, np.fliplr), agreement(console, subject, after, np.flipud)):
        assert other < 0.9, "the picture is mirrored"
    assert agreement(console, subject, before) < 0.985, "the picture is the old one"


@pytest.mark.parametrize("angles", [(0, 0), (90, 0)])
def test_the_isocentre_is_in_the_middle(angles):
    """A ball to the left of the CT's middle, and nearer the head, is in the middle when the isocentre goes there."""
    values = torch.zeros(1, 60, 60, 60)
    values[0, 14:17, 29:31, 42:45] = 1  # 4 mm voxels about the origin: x = -60 (left), y = 0, z = 56 mm
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -4.0 * 59 / 2
    ball = torchio.Subject(density=torchio.ScalarImage(tensor=values, affine=affine))
    view = carm_console.View(*angles, left=58.0, head=56.0)
    image = Renderer(ball, view.camera(101))(view.pose())[0, 0]
    rows, columns = (torch.arange(101.0) @ image.sum(axis) / image.sum() for axis in (1, 0))
    assert abs(rows - 50) < 1 and abs(columns - 50) < 1


def test_the_scene_follows(subject):
    """The source is a blue ball: from the feet, behind the patient on the right at LAO 60, on the left at RAO 60."""
    places = []
    for view in (carm_console.View(60, 0), carm_console.View(-60, 0)):
        picture = np.asarray(carm_console._scene(carm_console._renderers(subject), MESH, view), float)
        blue = (picture[..., 0] < 60) & (picture[..., 2] > picture[..., 0] + 40)
        ball = ndimage.binary_erosion(blue, iterations=3)  # lines are thinner
        places.append(np.nonzero(ball)[1].mean() / len(picture))
    assert places[0] < 0.3 < 0.7 < places[1]


def test_the_words_say_what_the_sliders_do(console):
    for slider, (description, low, high, step) in zip(
        console.sliders.values(), carm_console.SLIDERS.values(), strict=True
    ):
        assert slider.description == description
        assert (slider.min, slider.max, slider.step) == (low, high, step)
    assert "RAO 30°, CRA 10°" in str(carm_console.View(primary=-30))
    assert "magnified 2.00 times" in str(carm_console.View(sid=1200, sod=600))


def test_letters_stand_at_the_edges(subject):
    """The left edge at 0/0 is the patient's right: drawn white on black there, and nothing in between."""
    view = carm_console.View(0, 0)
    camera, pose = view.camera(carm_console.RESTING), view.pose()
    plain = torch.full(camera.shape, 0.5)
    plain[0, 0], plain[-1, -1] = 0.0, 1.0
    drawn = np.asarray(carm_console._picture(plain, camera, pose), float)
    size = len(drawn)
    changed = np.abs(drawn - np.median(drawn)) > 50
    changed[:4, :4] = changed[-4:, -4:] = False
    edge, middle = size // 12, slice(size // 3, -size // 3)
    for part in (changed[middle, :edge], changed[middle, -edge:], changed[:edge, middle], changed[-edge:, middle]):
        assert part.any()
    assert not changed[edge:-edge, edge:-edge].any()


def test_stale_values_are_dropped(subject, quick):
    """In a notebook's event loop a burst of thirty values makes one coarse picture and one fine one, of the last."""

    async def drag():
        console = widgets.carm_console(subject, MESH)
        pictures, scenes = [], []
        console.drr.observe(lambda change: pictures.append(change.new), "value")
        console.scene.observe(lambda change: scenes.append(change.new), "value")
        for value in range(30):
            console.sliders["primary"].value = float(value)
        while not scenes:
            await asyncio.sleep(0.05)
        return console, len(pictures), len(scenes)

    console, pictures, scenes = asyncio.run(asyncio.wait_for(drag(), 30))
    assert (pictures, scenes) == (2, 1)
    assert agreement(console, subject, carm_console.View(primary=29.0)) > 0.99


def test_requests_during_a_job_are_answered_once():
    async def burst():
        done = []

        def job():
            done.append(state["value"])
            if len(done) == 1:
                for state["value"] in (2, 3, 4):
                    newest.request()

        state, newest = {"value": 1}, Newest(job, 0.01)
        newest.request()
        await asyncio.sleep(0.2)
        return done

    assert asyncio.run(burst()) == [1, 4]


def test_resting_waits_for_the_last():
    async def keep_moving():
        done, state = [], {}
        resting = Newest(lambda: done.append(state["value"]), 0.3, rest=True)
        for state["value"] in range(8):
            resting.request()
            await asyncio.sleep(0.05)
        early = len(done)
        await asyncio.sleep(0.6)
        return early, done

    assert asyncio.run(keep_moving()) == (0, [7])


def test_without_a_kernel_it_is_a_page(subject, quick, monkeypatch):
    monkeypatch.setenv(carm_console.STATIC, "1")
    monkeypatch.setattr(carm_console, "STILLS", (carm_console.View(-30, 0), carm_console.View(30, 0)))
    monkeypatch.setattr(carm_console, "CArm", None)  # not even made
    page = widgets.carm_console(subject, MESH)
    assert type(page) is HTML
    assert page.data.count("<img ") == 2
    assert "RAO 30°" in page.data and "LAO 30°" in page.data
    assert "jupyter.widget" not in page.data


@pytest.fixture
def in_a_page(quick, monkeypatch):
    monkeypatch.setenv(carm_console.STATIC, "1")
    monkeypatch.setattr(carm_console, "STILLS", (carm_console.View(), carm_console.View(0, 0, sod=600)))
    return lambda subject, **kwargs: widgets.carm_console(subject, MESH, **kwargs).data


def test_the_example_is_alive_in_a_page(in_a_page, example):
    page = in_a_page(example, view=carm_console.View(-30, 5))
    settings = json.loads(html.unescape(re.search(r'<dp-carm [^>]*data-settings="([^"]*)"', page).group(1)))
    assert [slider[0] for slider in settings["sliders"]] == list(carm_console.SLIDERS)
    assert settings["start"] == vars(carm_console.View(-30, 5))
    still, _, rest = page.partition("</dp-carm>")
    assert still.count("<img ") == 2 and "customElements.define" in rest


def test_another_ct_is_not(in_a_page, example):
    """The book's file holds the example as it is, so that anything else would show the wrong patient."""
    assert not element.is_in_the_book(ct.with_letter(example))
    moved = torchio.Subject(volume=torchio.ScalarImage(tensor=example.volume.data, affine=np.eye(4)))
    assert not element.is_in_the_book(moved)


def test_sliders_can_be_chosen(subject, quick, in_a_page, example, monkeypatch):
    page = in_a_page(example, sliders=("sid", "sod"))
    assert page.count("<img ") == 1 and "SOD 700 mm" in page, "the still is the first view"
    assert "lateral" not in page.partition("<style>")[0]
    page = in_a_page(subject, sliders=("sid", "sod"))
    assert page.count("<img ") == 1 and "SOD 600 mm" in page, "a still whose angles differ cannot be reached"
    monkeypatch.delenv(carm_console.STATIC)
    console = widgets.carm_console(subject, MESH, view=carm_console.View(40, 5), sliders=("sod",))
    assert list(console.sliders) == ["sod"]
    console.sliders["sod"].value = 600.0
    assert console.view == carm_console.View(40, 5, sod=600.0)


@pytest.mark.parametrize("sliders", [(), ("sid", "height")])
def test_a_slider_for_nothing_is_refused(subject, sliders):
    with pytest.raises(ValueError, match="primary, secondary, sid, sod, left, head"):
        widgets.carm_console(subject, MESH, sliders=sliders)
