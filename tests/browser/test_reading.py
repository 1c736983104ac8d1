"""The book as a reader opens it: from the disk, without a network, on a wide screen and on a phone."""

import pytest

NEEDS_WEBGL = True
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}

MOVED = 'http-equiv="refresh"'  # an old address that leads on at once
# Of every picture, whether or not it is in view yet; those that cannot be decoded.
BROKEN = """async () => {
  const images = [...document.images].filter((image) => image.getAttribute("src"));
  for (const image of images) image.loading = "eager";
  const done = await Promise.allSettled(images.map((image) => image.decode()));
  return images.filter((image, n) => done[n].status === "rejected" || !image.naturalWidth).map((image) => image.alt);
}"""


@pytest.fixture
def page(open_page):
    return open_page()


def test_every_page_opens_with_its_pictures_and_fits_a_phone(page, html):
    paths = sorted(path for folder in ("book", "notebooks") for path in (html / folder).rglob("*.html"))
    paths = [path for path in paths if MOVED not in path.read_text(encoding="utf-8")]
    assert len(paths) > 10
    pictures, wrong = 0, {}
    for path in paths:
        page.complaints.clear()
        page.set_viewport_size(DESKTOP)
        page.goto(path.as_uri(), wait_until="load")
        pictures += page.locator("main img").count()
        broken = page.evaluate(BROKEN)
        page.set_viewport_size(PHONE)
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        if broken or wide or page.complaints:
            wrong[path.name] = {"broken": broken, "wider than a phone": wide, "complaints": list(page.complaints)}
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
