"""Search in both spellings, words that stay on one line, and what pages say of themselves to others."""

import json
import re

import both_spellings
import pytest
import unbroken
from bs4 import BeautifulSoup
from sphinx.search.en import SearchEnglish
from the_book import BOOK

PAIRS = {
    "isocentre": "isocenter", "centres": "centers", "colour": "color", "behaviour": "behavior", "grey": "gray",
    "normalised": "normalized", "optimiser": "optimizer", "parameterisation": "parameterization",
    "millimetres": "millimeters", "analyse": "analyze", "calibre": "caliber", "aluminium": "aluminum",
    "modelling": "modeling", "anaesthesia": "anesthesia",
}  # fmt: skip
ALREADY = "isocenter precise noise exercise registration rendering three here spectrum raise likewise pixels our four"


@pytest.mark.parametrize(("british", "american"), PAIRS.items())
def test_both_spellings_are_one(british, american):
    english = both_spellings.BothSpellings({})
    assert english.stem(british) == english.stem(american)


@pytest.mark.parametrize("word", ALREADY.split())
def test_other_words_are_left_alone(word):
    assert both_spellings.BothSpellings({}).stem(word) == SearchEnglish({}).stem(word)


def test_python_and_javascript_have_the_same_patterns():
    script = both_spellings.BothSpellings({}).js_stemmer_code
    patterns = re.findall(r"\[/(.+?)/, (\".*?\")\]", script)
    assert [pattern for pattern, _ in patterns] == [pattern for pattern, _ in both_spellings.SPELLINGS]
    assert all("\\" not in json.loads(replacement) for _, replacement in patterns)


def test_words_that_belong_together():
    (nodes,) = [unbroken._pieces("The C-arm's X-ray, 700 mm away, in 2D/3D; not 5 meters or C-armour.")]
    together = [node.astext() for node in nodes if node.tagname == "inline"]
    assert together == ["C-arm's", "X-ray", "700 mm", "2D/3D"]
    assert "".join(node.astext() for node in nodes).startswith("The C-arm's X-ray, 700 mm away")


def test_every_page_says_what_it_is_about(html):
    """To search engines, and to programs that show a card for a link; and it has an icon."""
    told = {}
    for path in [*(html / "book").glob("*.html"), *(html / "notebooks").glob("*.html")]:
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        about = page.find("meta", attrs={"name": "description"})
        assert about and 40 <= len(about["content"]) <= 201, path.name
        assert page.find("meta", property="og:title")["content"], path.name
        assert (path.parent / page.find("link", rel="icon")["href"]).resolve().is_file()
        told[path.name] = about["content"]
    assert len(set(told.values())) == len(told), "each its own"
    assert (BOOK / "_static" / "social-card.jpg").stat().st_size < 300_000


def test_the_sidebar_has_the_numbers_of_notebooks(html):
    page = BeautifulSoup((html / "book" / "index.html").read_text(encoding="utf-8"), "html.parser")
    names = [link.get_text(strip=True) for link in page.select(".bd-sidebar-primary a[href*='notebooks/']")]
    assert names and all(re.match(r"\d\d \w", name) for name in names), names
    parts = [link.get_text(strip=True) for link in page.select(".bd-sidebar-primary .toctree-l1 > a")]
    assert len(set(parts)) == len(parts), "no two entries have one name"
