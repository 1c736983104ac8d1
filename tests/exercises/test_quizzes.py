"""Questions with a choice of answers: asked in their notebook, of one of its goals, with a reason for every answer."""

import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup

from diffpose_nb import exercises

ROOT = Path(__file__).parents[2]
NOTEBOOKS = {path.stem[:2]: path for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))}
ASKED = yaml.safe_load((ROOT / "diffpose_nb" / "exercises" / "quizzes.yml").read_text(encoding="utf-8"))

every_notebook = pytest.mark.parametrize("number", NOTEBOOKS)


def cells(number):
    return nbformat.read(NOTEBOOKS[number], as_version=4).cells


def test_no_questions_without_a_notebook():
    assert set(ASKED) <= set(NOTEBOOKS)


@every_notebook
def test_a_notebook_asks_its_questions_once(number):
    """Under a heading of their own, in one cell, whose code the book hides."""
    found = [n for n, cell in enumerate(cells(number)) if "exercises.quiz(" in cell.source]
    assert len(found) == 1
    heading, cell = cells(number)[found[0] - 1 : found[0] + 1]
    assert cell.source == f'exercises.quiz("{number}")' and cell.metadata.tags == ["remove-input"]
    assert heading.source.startswith("## Check yourself\n")
    assert 2 <= len(exercises.questions(number)) <= 4


@every_notebook
def test_a_question_belongs_to_a_goal_of_its_notebook(number):
    text = "\n\n".join(cell.source for cell in cells(number) if cell.cell_type == "markdown")
    box = re.search(r"^> \*\*What you will be able to do\.\*\*\n(.*?)^> \*\*", text, re.DOTALL | re.MULTILINE).group(1)
    lines = [line.removeprefix("> - ") for line in box.splitlines() if line.startswith("> - ")]
    goals = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line).replace("$", "") for line in lines]
    strange = {question.goal for question in exercises.questions(number)} - set(goals)
    assert not strange, f"not among the goals of {NOTEBOOKS[number].name}: {strange}"


@every_notebook
def test_each_answer_says_why(number):
    for question in exercises.questions(number):
        assert sum(choice.right for choice in question.choices) == 1
        assert 3 <= len(question.choices) <= 4
        for words in ("answer", "why"):
            texts = [getattr(choice, words) for choice in question.choices]
            assert len(set(texts)) == len(texts) and all(text.strip() for text in texts)
            assert words == "answer" or all(text.endswith((".", "?")) for text in texts), "a whole sentence"


def test_the_right_answer_is_told_by_neither_its_place_nor_its_length():
    places, longest, asked = Counter(), 0, [question for number in ASKED for question in exercises.questions(number)]
    for question in asked:
        (place,) = (n for n, choice in enumerate(question.choices) if choice.right)
        places[place] += 1
        longest += len(question.choices[place].answer) == max(len(choice.answer) for choice in question.choices)
    assert max(places.values()) < 0.4 * len(asked), places
    assert 0.1 < longest / len(asked) < 0.4, f"the longest answer is right in {longest} of {len(asked)}"


def test_answers_are_shuffled_alike_every_time():
    written = [entry["right"]["answer"] for entries in ASKED.values() for entry in entries]
    shown = [question.choices[0].answer for number in ASKED for question in exercises.questions(number)]
    assert written != shown
    exercises.quizzes._all.cache_clear()
    assert shown == [question.choices[0].answer for number in ASKED for question in exercises.questions(number)]
    assert exercises.quiz("03").data == exercises.quiz("03").data


def test_an_unknown_notebook_is_refused():
    with pytest.raises(ValueError, match=r"'99'.*00, 01"):
        exercises.quiz("99")


def test_without_scripts_questions_and_folded_answers_are_there():
    page = BeautifulSoup(exercises.quiz("03").data, "html.parser")
    for question, block in zip(exercises.questions("03"), page.find_all("fieldset"), strict=True):
        folded = block.find("details")
        assert not folded.has_attr("open")
        assert _plain(question.question) in block.legend.get_text()
        for choice, line, reason in zip(
            question.choices, block.select(".dp-choices li"), folded.find_all("li"), strict=True
        ):
            assert line.get_text() == _plain(choice.answer)
            assert reason.get_text().startswith("Right. " if choice.right else "Not this one. ")
            assert _plain(choice.why) in reason.get_text()


def test_nothing_is_loaded_from_elsewhere():
    page = BeautifulSoup(exercises.quiz("03").data, "html.parser")
    assert not page.find_all(src=True) and not page.find_all(href=True) and "url(" not in page.style.get_text()


def test_signs_of_html_in_a_text_stay_signs():
    assert (
        exercises.quizzes._marked_up("a < b, `K[0, 0]` and *one*") == "a &lt; b, <code>K[0, 0]</code> and <em>one</em>"
    )


def _plain(text):
    return " ".join(text.split()).replace("`", "").replace("*", "")
