"""The page of questions is what its source says; that its links lead somewhere, the tests of pages see."""

import importlib.util

import pytest
import yaml
from the_book import BOOK


@pytest.fixture(scope="module")
def make_faq():
    spec = importlib.util.spec_from_file_location("make_faq", BOOK / "make_faq.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def entries():
    themes = yaml.safe_load((BOOK / "faq.yml").read_text(encoding="utf-8"))
    return [entry for theme in themes for entry in theme["questions"]]


def test_the_page_is_made_of_its_source(make_faq):
    assert (BOOK / "faq.md").read_text(encoding="utf-8") == make_faq.page(), "python book/make_faq.py"


def test_every_question_has_a_short_answer(entries):
    assert len({entry["question"] for entry in entries}) == len(entries) > 20
    assert all(20 < len(entry["answer"]) < 260 for entry in entries)
    assert all(entry["question"].endswith("?") for entry in entries)


def test_a_link_to_nowhere_is_refused(make_faq, monkeypatch, tmp_path):
    entry = {"question": "Q?", "answer": "A", "notebook": "00_quickstart", "heading": "No such heading"}
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "faq.yml").write_text(yaml.safe_dump([{"theme": "T", "questions": [entry]}]))
    (tmp_path / "notebooks").symlink_to(BOOK.parent / "notebooks")
    monkeypatch.setattr(make_faq, "BOOK", tmp_path / "book")
    with pytest.raises(ValueError, match="no heading 'No such heading'"):
        make_faq.page()
