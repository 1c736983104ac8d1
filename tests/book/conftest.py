"""The built book."""

import os

import pytest
from the_book import BOOK, HTML, NOTEBOOKS, ROOT


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
    return HTML


def _what_is_wrong_with_the_book():
    built = HTML / "searchindex.js"
    if not built.exists():
        return "the book is not built: make book"
    sources = [BOOK / "_config.yml", BOOK / "_toc.yml", *BOOK.glob("*.md"), *BOOK.glob("api/*.md"), *NOTEBOOKS]
    sources += (ROOT / "diffpose_nb").rglob("*.py")
    newer = [path for path in sources if path.stat().st_mtime > built.stat().st_mtime]
    return f"the book is older than {newer[0].relative_to(ROOT)}: make book" if newer else None
