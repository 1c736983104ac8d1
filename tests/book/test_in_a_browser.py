"""The book as a reader opens it: from the disk, without a network, on a phone."""

import pytest
from playwright.sync_api import sync_playwright

PHONE = {"width": 390, "height": 844}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--allow-file-access-from-files"]


@pytest.fixture(scope="module")
def browser(outside_program):
    chromium = outside_program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page that notes every request which leaves the disk, every file that is missing and every error of a script."""
    page = browser.new_page(viewport=PHONE)
    page.complaints = []
    page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or page.complaints.append(r.url))
    page.on("requestfailed", lambda r: page.complaints.append(f"missing: {r.url}"))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    page.close()


def test_pages_load_from_the_disk_and_fit_a_phone(page, html):
    paths = [path for folder in ("book", "notebooks") for path in (html / folder).rglob("*.html")]
    assert len(paths) > 10
    wide = []
    for path in paths:
        page.goto(path.as_uri(), wait_until="load")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path.relative_to(html))
    assert not page.complaints
    assert not wide


def test_formulas_are_typeset(page, html):
    page.goto((html / "book" / "api" / "camera.html").as_uri())
    page.wait_for_selector("div.math mjx-container")
    assert not page.complaints


def test_search_works_without_a_server(page, html):
    page.goto((html / "search.html").as_uri() + "?q=isocentre")
    page.wait_for_selector("#search-results li a")
    assert "Glossary" in page.inner_text("#search-results")
    assert not page.complaints
