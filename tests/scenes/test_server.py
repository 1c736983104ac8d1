"""Scenes that the kernel draws: the server answers, and where none can be reached the stand-in says so."""

import asyncio
import json
import re
import socket
import urllib.request
from html import unescape

import pytest
import pyvista as pv
from playwright.sync_api import sync_playwright

from diffpose_nb import scenes
from diffpose_nb.scenes import server


def make_plotter(label=False):
    plotter = pv.Plotter(off_screen=True, window_size=[200, 150])
    plotter.add_mesh(pv.Cone(), color="red")
    if label:
        plotter.add_text("flat")
    return plotter


def settings(output):
    return json.loads(unescape(re.search('data-settings="(.*?)"', output.data).group(1)))


@pytest.fixture
def in_a_kernel(monkeypatch):
    monkeypatch.setattr(server, "unreachable", lambda _: None)
    monkeypatch.setattr(server, "_serve", lambda plotter: (_closed_port(), plotter._id_name))


def _closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"DIFFPOSE_NB_STATIC": "1", "VSCODE_PID": "7"}, "no kernel behind a page of the book"),
        ({"COLAB_RELEASE_TAG": "release"}, "Colab does not let it reach"),
        ({"BINDER_SERVICE_HOST": "10.0.0.1"}, "Binder does not let it reach"),
        ({"VSCODE_PID": "7"}, "VS Code does not let it reach"),
        ({}, "not made in a Jupyter kernel"),
    ],
)
def test_it_says_why_and_what_to_do(environment, sentence):
    reason = server.unreachable(environment)
    assert sentence in reason and "JupyterLab" in reason


def test_in_a_jupyter_kernel_a_server_is_tried(monkeypatch):
    monkeypatch.setattr(server, "get_ipython", lambda: type("Shell", (), {"kernel": object()})())
    assert server.unreachable({"JPY_SESSION_NAME": "a.ipynb"}) is None


def test_without_a_server_the_browser_draws(monkeypatch, capfd):
    monkeypatch.setenv("DIFFPOSE_NB_STATIC", "1")
    output = scenes.live(make_plotter(), "A <red> cone")
    assert settings(output)["addresses"] == []
    assert "OfflineLocalView.load(" in output.data and 'title="A &lt;red&gt; cone"' in output.data
    assert "Your browser draws this scene by itself: there is no kernel" in output.data
    assert not re.findall(r'(?:src|href)="https?:', unescape(output.data))


def test_flat_labels_make_it_a_still(monkeypatch):
    monkeypatch.setenv("DIFFPOSE_NB_STATIC", "1")
    output = scenes.live(make_plotter(label=True), "A red cone")
    assert "OfflineLocalView" not in output.data and "data:image/jpeg;base64," in output.data
    assert "This is a still of the scene: there is no kernel" in output.data
    with_page = scenes.live(make_plotter(label=True), "A red cone", page="<p>instead</p>")
    assert "&lt;p&gt;instead" in with_page.data and "Your browser draws" in with_page.data


def test_no_alternative_text_is_refused():
    with pytest.raises(ValueError, match="alt is empty"):
        scenes.live(make_plotter(), " ")


def test_the_server_answers():
    """The real one, in an event loop as a kernel has it, started by nothing but the loop going on."""

    async def ask():
        port, name = server._serve(make_plotter())
        again, other = server._serve(make_plotter())
        assert port == again and name != other, "one server for all scenes of a kernel"
        url = f"http://localhost:{port}/index.html?ui={name}"
        for _ in range(100):
            await asyncio.sleep(0.1)
            try:
                return await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=5).read())
            except OSError:
                continue
        return b""

    assert b"<html" in asyncio.run(ask()).lower()


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-3d-apis"])
        yield browser
        browser.close()


def test_a_browser_that_reaches_no_server_keeps_the_stand_in(browser, in_a_kernel, monkeypatch, tmp_path):
    monkeypatch.setattr(server, "_WAIT", 1.0)
    (tmp_path / "a.html").write_text(scenes.live(make_plotter(), "A red cone").data, encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "a.html").as_uri())
    page.wait_for_selector("[data-drawn=browser]", timeout=20_000)
    assert "server cannot be reached from here" in page.get_by_role("status").inner_text()
    assert page.frame_locator("iframe").locator("#still").is_visible()
    page.close()


def test_a_browser_that_reaches_it_shows_it(browser, monkeypatch, tmp_path):
    """The first address, of a proxy that is not there, is passed over."""
    monkeypatch.setattr(server, "unreachable", lambda _: None)
    page = browser.new_page()
    page.route("http://localhost:4321/**", lambda route: route.fulfill(body="<p>from the kernel</p>"))
    monkeypatch.setattr(server, "_serve", lambda plotter: (4321, "P_1"))
    (tmp_path / "a.html").write_text(scenes.live(make_plotter(), "A red cone").data, encoding="utf-8")
    page.goto((tmp_path / "a.html").as_uri())
    page.wait_for_selector("[data-drawn=kernel]", timeout=20_000)
    assert page.locator("iframe").get_attribute("src") == "http://localhost:4321/index.html?ui=P_1&reconnect=auto"
    assert page.frame_locator("iframe").get_by_text("from the kernel").is_visible()
    assert page.get_by_role("status").inner_text() == ""
    page.close()
