"""The map and the pages of the parts say what the notebooks say."""

import re
import xml.etree.ElementTree as ET

import nbformat
import notebook_map
import parts as extension
import pytest
import reading
from bs4 import BeautifulSoup
from the_book import BOOK, NOTEBOOKS, ROOT

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def parts():
    return reading.parts(ROOT)


def write(folder, first, time="Half a minute to run on two CPU cores. An hour to read."):
    text = f"# Title: more\n\n> **What you need first.** {first}\n>\n> **How long it takes.** {time}"
    path = folder / "02_second.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)]), path)
    return path


def test_what_is_needed_and_what_helps(tmp_path):
    first = "[One](00_zero.ipynb) and sums. [Another](01_first.ipynb) helps, but is not needed."
    notebook = reading.read_notebook(write(tmp_path, first))
    assert notebook.title == "Title"
    assert notebook.needs == {"00_zero": False, "01_first": True}
    assert (notebook.to_run, notebook.to_read) == ("Half a minute", "An hour")


def test_a_notebook_in_other_words_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"02_second\.ipynb: a title and a quotation"):
        reading.read_notebook(write(tmp_path, "Nothing.", time="Not long."))


def test_every_notebook_is_in_a_part(parts):
    assert [each.stem for notebooks in parts.values() for each in notebooks] == [path.stem for path in NOTEBOOKS]


def test_every_part_has_its_page(parts):
    for caption, notebooks in parts.items():
        page = (BOOK / f"{caption.lower()}.md").read_text(encoding="utf-8")
        assert f"{{part-notebooks}} {caption}" in page and f"{{part-questions}} {caption}" in page
        assert "## What you will be able to do" in page and notebooks


def test_the_map_is_a_drawing_with_words_and_links(parts):
    drawing = notebook_map.draw(parts).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    root = ET.fromstring(drawing)
    links = [link.get("href") for link in root.iter(f"{SVG}a")]
    assert links == [f"../notebooks/{path.stem}.html" for path in NOTEBOOKS]
    labels = root.get("aria-labelledby").split()
    words = {tag.get("id"): tag.text for tag in root if tag.tag in (f"{SVG}title", f"{SVG}desc")}
    assert all(words[label] for label in labels)
    needs = [optional for notebooks in parts.values() for each in notebooks for optional in each.needs.values()]
    kinds = [path.get("class") for path in root.iter(f"{SVG}path") if path.get("class")]
    assert sorted(kinds) == sorted("helps" if optional else "needed" for optional in needs)
    width = float(root.get("viewBox").split()[2])
    for text in root.iter(f"{SVG}text"):  # some 7.5 units a letter
        assert float(text.get("x")) + 7.5 * len(text.text) < width + 8, f"no room for {text.text!r}"


def test_every_question_of_a_part_is_on_its_page(html, parts):
    asked = 0
    for caption, notebooks in parts.items():
        page = BeautifulSoup((html / "book" / f"{caption.lower()}.html").read_text(encoding="utf-8"), "html.parser")
        expected = extension.questions(ROOT, notebooks)
        stems = "|".join(each.stem for each in notebooks)
        answers = page.find("article").find_all("a", href=re.compile(rf"notebooks/({stems})\.html#"))
        assert len({tag.get_text() for tag in answers}) >= len(expected)
        assert len(page.select("table tbody tr")) == len(notebooks)
        asked += len(expected)
    assert asked > 20


def test_the_map_is_on_the_first_page(html):
    page = BeautifulSoup((html / "book" / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert len(page.select("svg.notebook-map a")) == len(NOTEBOOKS)
