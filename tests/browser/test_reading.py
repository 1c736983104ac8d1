"""The book as a reader opens it: from the disk, without a network, on a wide screen and on a phone.

Without WebGL, which makes every page slow here: `test_exported_scene` and `test_live_carm` open those that need it.
"""

import pytest

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}

WIDE = "document.documentElement.scrollWidth > innerWidth"
MOVED = 'http-equiv="refresh"'  # an old address that leads on at once
# Of every picture, whether or not it is in view yet; those that cannot be decoded.
BROKEN = """async () => {
  const images = [...document.images].filter((image) => image.getAttribute("src"));
  for (const image of images) image.loading = "eager";
  const done = await Promise.allSettled(images.map((image) => image.decode()));
  return images.filter((image, n) => done[n].status === "rejected" || !image.naturalWidth).map((image) => image.alt);
}"""


@pytest.fixture(scope="module")
def page(open_page):
    return open_page()


@pytest.fixture(autouse=True)
def nothing_said_yet(page):
    page.complaints.clear()
    page.set_viewport_size(DESKTOP)


def test_every_page_opens_with_its_pictures_and_fits_a_phone(page, html):
    paths = sorted(path for folder in ("book", "notebooks") for path in (html / folder).rglob("*.html"))
    paths = [path for path in paths if MOVED not in path.read_text(encoding="utf-8")]
    assert len(paths) > 10
    pictures, wrong = 0, {}
    for n, path in enumerate(paths):
        page.complaints.clear()
        page.goto(path.as_uri(), wait_until="load")  # every other one on a phone first: resizing takes long
        pictures += page.locator("main img").count()
        broken = page.evaluate(BROKEN)
        wide = page.evaluate(WIDE)
        page.set_viewport_size(DESKTOP if n % 2 else PHONE)
        wide = wide or page.evaluate(WIDE)
        if broken or wide or page.complaints:
            wrong[path.name] = {"broken": broken, "wider than the screen": wide, "complaints": list(page.complaints)}
    assert not wrong
    assert pictures > 20


def test_formulas_are_typeset(page, html):
    page.goto((html / "book" / "api" / "camera.html").as_uri())
    page.wait_for_selector("div.math mjx-container")
    assert not page.complaints


def test_search_works_without_a_server(page, html):
    page.goto((html / "search.html").as_uri() + "?q=isocentre")
    page.wait_for_selector("#search-results li a")
    assert "Glossary" in page.inner_text("#search-results")
    assert not page.complaints
