"""Names in code cells lead to the reference, each to its own entry."""

import ast

import pytest
from bs4 import BeautifulSoup
from the_book import NOTEBOOKS, code_cells

import diffpose_nb

PACKAGE = diffpose_nb.__name__


@pytest.fixture(scope="module")
def links(html):
    """Stem of a notebook → (text of the link, what it leads to) of every link in its code cells."""
    found = {}
    for path in NOTEBOOKS:
        page = BeautifulSoup((html / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8"), "html.parser")
        found[path.stem] = [
            (tag.get_text(), tag["href"].partition("#")[2].removeprefix("module-"))
            for tag in page.select("div.cell_input a.sphinx-codeautolink-a")
        ]
    return found


def imports(path):
    """Name in the notebook → dotted name in the package, of what it imports from it."""
    names = {}
    for node in ast.walk(ast.parse(code_cells(path)[0].source)):
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == PACKAGE:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_names_lead_to_their_own_entries(path, links):
    """``ct.example`` to ``diffpose_nb.ct.example``, and nowhere else."""
    known = imports(path)
    checked = 0
    for text, target in links[path.stem]:
        first, dot, rest = text.partition(".")
        if first in known and target != f"{PACKAGE}.{text}":
            # a class may be documented on another page than the one that it is imported from
            assert target.rpartition(".")[2] == text.rpartition(".")[2], f"{text} leads to {target}"
        checked += first in known and bool(dot or rest)
    assert checked > 5


def test_variables_lead_to_their_classes(links):
    """Known without running: what ``read_xray`` and ``Renderer`` give has a type."""
    quickstart = dict(links["00_quickstart"])
    assert quickstart["xray"] == f"{PACKAGE}.images.XRay"
    assert quickstart["renderer"] == f"{PACKAGE}.render.Renderer"
    assert quickstart["found"] == f"{PACKAGE}.register.Refinement"


def test_methods_lead_to_their_entries(links):
    """Also of a class that is documented under a shorter name than it is defined under."""
    quickstart = dict(links["00_quickstart"])
    assert quickstart["xray.attenuation"] == f"{PACKAGE}.images.XRay.attenuation"
    assert quickstart["found.save"] == f"{PACKAGE}.register.Refinement.save"
