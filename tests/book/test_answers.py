"""Below each exercise of a page are a field that checks an answer, and the solution."""

import base64
import json
import types
from pathlib import Path

import answers
import nbformat
import pytest
from bs4 import BeautifulSoup
from sphinx.errors import ExtensionError
from the_book import NOTEBOOKS, ROOT, SOLUTIONS, code_cells

from diffpose_nb import exercises

every_solution = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


def read(path):
    """The text of a notebook as the book gets it."""
    environment = types.SimpleNamespace(doc2path=lambda name: str(path), note_dependency=noted.append)
    source = [path.read_text(encoding="utf-8")]
    answers.add_answers(types.SimpleNamespace(env=environment), f"notebooks/{path.stem}", source)
    return nbformat.reads(source[0], as_version=4)


noted = []


@every_solution
def test_each_exercise_is_followed_by_field_and_solution(path):
    plain = nbformat.read(ROOT / "notebooks" / path.name, as_version=4)
    book = read(ROOT / "notebooks" / path.name)
    nbformat.validate(book)
    added = [cell for cell in book.cells if cell.id.startswith("answer-")]
    assert [cell.id for cell in book.cells if cell not in added] == [cell.id for cell in plain.cells]
    assert str(path) in noted, "an edited solution makes the page anew"
    asked = [answers.exercise_of(cell) for cell in plain.cells if cell.cell_type == "code"]
    assert [cell.id for cell in added] == [f"answer-{name}" for name in asked if name]
    for before, cell in zip(book.cells, book.cells[1:], strict=False):
        if cell in added:
            name = answers.exercise_of(before)
            assert f"answer-{name}" == cell.id
            assert '<form class="answer"' in cell.source and "{dropdown} Solution" in cell.source
            assert f'exercises.check("{name}"' in cell.source and "**Right: " in cell.source


@every_solution
def test_a_solution_keeps_its_words_and_code(path):
    solved = "\n".join(answers.solutions(json.loads(path.read_text(encoding="utf-8"))["cells"]).values())
    for cell in nbformat.read(path, as_version=4).cells[2:]:
        for line in cell.source.splitlines():
            if not line.startswith("#") and "](" not in line:
                assert line in solved
    assert "import " not in solved and "## Exercise" not in solved


def test_what_is_prepared_stands_before_the_code():
    path = ROOT / "notebooks" / "solutions" / "09_refinement.ipynb"
    solved = answers.solutions(json.loads(path.read_text(encoding="utf-8"))["cells"])
    assert "```python\nsid, sod = 1020.0, 700.0\n\nshort = 1005.0\n" in solved["09-wrong-sid"]


@every_solution
def test_links_of_a_solution_lead_to_files_from_the_notebook(path):
    for text in answers.solutions(json.loads(path.read_text(encoding="utf-8"))["cells"]).values():
        for link in answers.LINK.finditer(text):
            target = link.group(2).partition("#")[0]
            assert target.startswith("http") or (ROOT / "notebooks" / target).exists(), target


def test_a_field_knows_what_exercises_know():
    for name, make in exercises.EXERCISES.items():
        known = packed(answers.field(name, "some.ipynb"))
        exercise = make()
        assert (known["answer"], known["tolerance"], known["unit"]) == (
            exercise.answer,
            exercise.tolerance,
            exercise.unit,
        )
        assert [mistake["hint"] for mistake in known["mistakes"]] == [mistake.hint for mistake in exercise.mistakes]
        assert exercises.check(name, known["answer"]).message == known["right"]


def packed(field):
    form = BeautifulSoup(field, "html.parser").find("form")
    return json.loads(base64.b64decode(form["data-exercise"]))


def test_the_answer_is_not_to_be_read_in_the_page():
    form = BeautifulSoup(answers.field("00-magnification", "some.ipynb"), "html.parser")
    assert "15.02" not in form.get_text() and "15.02" not in str(form)


def test_an_answer_that_is_no_number_leads_to_the_notebook(monkeypatch):
    other = types.SimpleNamespace(answer=[1.0, 2.0], unit="mm", tolerance=0.01, mistakes=())
    monkeypatch.setitem(exercises.EXERCISES, "00-array", lambda: other)
    said = answers.field("00-array", "00_quickstart.ipynb")
    assert "cannot check it" in said and "{download}`the notebook <00_quickstart.ipynb>`" in said


def test_an_exercise_without_a_solution_stops_the_build(tmp_path):
    notebook = nbformat.read(ROOT / "notebooks" / "00_quickstart.ipynb", as_version=4)
    solution = nbformat.read(ROOT / "notebooks" / "solutions" / "00_quickstart.ipynb", as_version=4)
    (tmp_path / "solutions").mkdir()
    nbformat.write(notebook, tmp_path / "00_quickstart.ipynb")
    solution.cells = solution.cells[:4]
    nbformat.write(solution, tmp_path / "solutions" / "00_quickstart.ipynb")
    with pytest.raises(ExtensionError, match="no solution of 00-depth"):
        read(tmp_path / "00_quickstart.ipynb")


def test_other_pages_stay_as_they_are(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page", encoding="utf-8")
    source = ["# Page"]
    environment = types.SimpleNamespace(doc2path=lambda name: str(page), note_dependency=noted.append)
    answers.add_answers(types.SimpleNamespace(env=environment), "page", source)
    assert source == ["# Page"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_built_pages_have_fields_and_folded_solutions(html: Path, path):
    page = BeautifulSoup((html / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8"), "html.parser")
    asked = [name for name in map(answers.exercise_of, code_cells(path)) if name]
    forms = page.select("form.answer[data-exercise]")
    assert len(forms) == len(asked)
    for name, form in zip(asked, forms, strict=True):
        folded = form.find_next("details")
        assert not folded.has_attr("open")
        assert f'exercises.check("{name}"' in folded.get_text() and "Right: " in folded.get_text()
        assert form.find_previous(class_="tag_exercise"), "the field follows its cell"
    assert page.find("script", src=lambda src: src and "answers.js" in src)
    assert len(page.select(".dp-quiz fieldset")) == len(exercises.questions(path.stem[:2]))
