import os
import shutil
from pathlib import Path

import pytest
import torch
from lab_server import serve
from playwright.sync_api import sync_playwright

from diffpose_nb import ct

ROOT = Path(__file__).parents[1]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_CHROMIUM = "chromium is missing: apt install chromium, or .venv/bin/python -m playwright install chromium"


@pytest.fixture(scope="session")
def example():
    """The chest CT; loading it takes seconds, so tests share it and leave it as it is."""
    return ct.example()


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(7)


@pytest.fixture(scope="session")
def outside_program():
    """Finds a program that pip does not install. Where it is missing: a skip; under REQUIRE_EXTERNALS=1 a failure."""

    def find(name, package):
        path = shutil.which(name)
        if path is None:
            _missing(f"{name} is missing: apt install {package}")
        return path

    return find


@pytest.fixture(scope="session")
def chromium():
    """Path of a Chromium: the system's, or else the one that Playwright has fetched."""
    for name in CHROMIUM:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not Path(path).exists():
        _missing(NO_CHROMIUM)
    return path


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """What ``make lab`` starts, once for all tests: a :class:`lab_server.Lab`."""
    if shutil.which("make") is None or not (ROOT / ".venv" / "bin" / "python").exists():
        _missing("make, and the .venv that it makes, are missing: apt install make, then make test")
    with serve(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def html():
    """The folder of built pages.

    Without it, or with one older than its sources, a test skips, or fails under REQUIRE_BOOK=1.
    """
    problem = _what_is_wrong_with_the_book()
    if problem and os.environ.get("REQUIRE_BOOK") == "1":
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)
    return ROOT / "book" / "_build" / "html"


def _missing(message):
    if os.environ.get("REQUIRE_EXTERNALS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def _what_is_wrong_with_the_book():
    book = ROOT / "book"
    built = book / "_build" / "html" / "searchindex.js"
    if not built.exists():
        return "the book is not built: make book"
    sources = [book / "_config.yml", book / "_toc.yml", *book.glob("*.md"), *book.glob("api/*.md")]
    sources += [*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "diffpose_nb").rglob("*.py")]
    newer = [path for path in sources if path.stat().st_mtime > built.stat().st_mtime]
    return f"the book is older than {newer[0].relative_to(ROOT)}: make book" if newer else None
