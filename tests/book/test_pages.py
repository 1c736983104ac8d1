"""What every built page must be: whole, readable without pictures, and independent of the web."""

import re
from itertools import pairwise
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from the_book import NOTEBOOKS

HEAVIEST_PAGE = 8_000_000  # bytes, with everything that it loads; a scene that turns carries its viewer, 2 MB


@pytest.fixture(scope="module")
def pages(html):
    """Path relative to the book → parsed page: millions of objects, which go when this module is done."""
    paths = [path for path in html.rglob("*.html") if "_static" not in path.parts]
    return {path.relative_to(html): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in paths}


def test_every_notebook_is_a_page(pages):
    titles = {path.stem: page.find("h1") for path, page in pages.items() if path.parts[0] == "notebooks"}
    assert set(titles) == {path.stem for path in NOTEBOOKS}
    assert all(titles.values())


def test_every_page_says_what_it_is(pages):
    """As browsers, screen readers and search engines need it: language, title, one heading above all, phone's width."""
    untold = []
    for path, page in pages.items():
        about = {
            "lang": page.find("html", lang="en") is not None,
            "title": bool(page.title and page.title.get_text(strip=True)),
            "viewport": "width=device-width" in str(page.find("meta", attrs={"name": "viewport"})),
            "h1": sum(not tag.find_parent(class_="onlyprint") for tag in page.find_all("h1")) == 1,
            "main": page.find("main") is not None,
        }
        untold += [f"{path}: {name}" for name, told in about.items() if not told]
    assert not untold, "\n".join(untold)


def test_a_constants_text_is_not_taken_for_its_type(pages):
    """What stands before a colon in the first line of a constant's text would become its type."""
    constants = [tag for page in pages.values() for tag in page.select("dl.py.data")]
    assert len(constants) > 10
    assert not [tag.dt.get("id") for tag in constants if tag.select("dl.field-list")]


def test_headings_skip_no_level(pages):
    """Who listens to a page goes from heading to heading."""
    skips = []
    for path, page in pages.items():
        levels = [int(tag.name[1]) for tag in (page.find("article") or page).find_all(re.compile("^h[1-6]$"))]
        if path.parts[0] in ("book", "notebooks") and any(lower > upper + 1 for upper, lower in pairwise(levels)):
            skips.append(f"{path}: {levels}")
    assert not skips, "\n".join(skips)


def test_links_and_buttons_have_names(pages):
    """A link of a picture or an icon alone needs a label."""
    nameless = []
    for path, page in pages.items():
        for tag in page.find_all(["a", "button"], href=True) + page.find_all("button"):
            name = tag.get_text(strip=True) or tag.get("aria-label") or tag.get("title")
            if not name and not any(image.get("alt") for image in tag.find_all("img")):
                nameless.append(f"{path}: {tag}"[:200])
    assert not nameless, "\n".join(nameless)


def test_no_page_is_heavy(pages, html):
    weights = {}
    for path, page in pages.items():
        files = {html / path}
        loaded = page.find_all(src=True) + page.find_all("link", rel=["stylesheet", "preload", "icon"])
        for tag in loaded:
            url = urlsplit(tag.get("src") or tag["href"])
            if url.path and not url.scheme and not url.netloc:
                files.add((html / path.parent / unquote(url.path)).resolve())
        weights[str(path)] = sum(file.stat().st_size for file in files if file.is_file())
    assert max(weights.values()) > 100_000, "pages load styles and scripts"
    assert not {path: weight for path, weight in weights.items() if weight > HEAVIEST_PAGE}


def test_links_and_images_lead_somewhere(pages, html):
    anchors = {path: {tag["id"] for tag in page.find_all(id=True)} for path, page in pages.items()}
    broken = []
    for path, page in pages.items():
        for reference in _references(page):
            url = urlsplit(reference)
            if url.scheme or url.netloc:
                continue
            target = (html / path.parent / unquote(url.path)).resolve() if url.path else html / path
            if not target.is_file():
                broken.append(f"{path}: {reference}")
            elif url.fragment and unquote(url.fragment) not in anchors.get(target.relative_to(html), {url.fragment}):
                broken.append(f"{path}: {reference} (no such anchor)")
    assert not broken, "\n".join(broken)


def test_nothing_is_loaded_from_the_web(pages, html):
    loaded = []
    for path, page in pages.items():
        tags = [*page.find_all(src=True), *page.find_all("link", rel=lambda rel: rel and "canonical" not in rel)]
        sources = [tag.get("src") or tag.get("href") for tag in tags]
        loaded += [f"{path}: {source}" for source in sources if urlsplit(source).netloc]
    for style in html.rglob("*.css"):
        text = style.read_text(encoding="utf-8").replace(" ", "").replace("'", "").replace('"', "")
        if "url(http" in text or "url(//" in text or "@importhttp" in text:
            loaded.append(str(style.relative_to(html)))
    assert not loaded, "\n".join(loaded)


def test_no_page_holds_a_live_widget(pages):
    """It would need scripts from the web, and do nothing without a kernel."""
    states = [
        path for path, page in pages.items() if page.find("script", type="application/vnd.jupyter.widget-state+json")
    ]
    assert not states, f"show a picture instead, or keep the widget out of the book: {states}"


def test_every_picture_says_what_it_shows(pages):
    """From ``mystnb.image.alt`` in the metadata of the cell; without it a page gets the name of a file."""
    silent = []
    for path, page in pages.items():
        for image in page.find_all("img") if path.parts[0] in ("book", "notebooks") else []:
            alt = image.get("alt", "").strip()
            if len(alt) < 10 or alt.endswith((".png", ".svg", ".jpg")):
                silent.append(f"{path}: {image.get('src')} says {alt!r}")
    assert not silent, "\n".join(silent)


def test_no_notebook_ends_in_a_warning_or_an_error(pages):
    """A message on stderr is either a bug or worth a sentence in the text."""
    shown = [
        f"{path}: {block.get_text().strip()[:200]}"
        for path, page in pages.items()
        for block in page.select("div.output.stderr, div.output.traceback")
    ]
    assert not shown, "\n".join(shown)


def _references(page):
    for name, attribute in [("a", "href"), ("link", "href"), ("img", "src"), ("script", "src"), ("source", "src")]:
        for tag in page.find_all(name):
            if tag.get(attribute):
                yield tag[attribute]
