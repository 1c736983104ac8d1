"""A browser for what the widgets make: from the disk, at the width of a phone, in light and dark."""

import pytest
from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
OURS = "willReadFrequently"  # a hint to who reads a canvas often: that is the tests
NARROW = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def open_page(chromium, tmp_path_factory):
    """Opens HTML from the disk. ``page.complaints``: requests that leave it, errors of scripts and of the console."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)

        def open_page(text, *, theme="light", **kwargs):
            path = tmp_path_factory.mktemp("page") / "page.html"
            colors = {"light": "background: white; color: #222", "dark": "background: #121212; color: #ddd"}[theme]
            path.write_text(f'<!doctype html><html lang="en"><body style="{colors}">{text}</body>', encoding="utf-8")
            page = browser.new_page(**{"viewport": NARROW, "color_scheme": theme, **kwargs})
            page.complaints = []
            complain = page.complaints.append
            local = ("file:", "data:", "blob:", "about:")
            page.on("request", lambda r: r.url.startswith(local) or complain(r.url))
            page.on("pageerror", lambda error: complain(str(error)))
            page.on("console", lambda m: m.type in ("error", "warning") and OURS not in m.text and complain(m.text))
            page.goto(path.as_uri(), wait_until="load")
            return page

        yield open_page
        browser.close()
