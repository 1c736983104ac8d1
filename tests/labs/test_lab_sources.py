"""The sources of the labs keep the rules of the project's notebooks, and say what they give."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from diffpose_nb import exercises
from diffpose_nb.labs import sheet

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "labs" / "source").glob("*/*.ipynb"))
OPENING = ["## What you will be able to do", "## What you need first", "## How long it takes"]
every_lab = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def cells(path, kind=None):
    return [cell for cell in nbformat.read(path, as_version=4).cells if kind in (None, cell.cell_type)]


def mark(cell):
    return cell.metadata.get("nbgrader", {})


def test_there_are_six():
    assert [path.stem[:4] for path in SOURCES] == [f"lab{number}" for number in range(1, 7)]
    assert all(path.stem == path.parent.name for path in SOURCES)


@every_lab
def test_nothing_of_the_last_run_is_kept(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata == {"language_info": {"name": "python"}}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"nbgrader", "mystnb"}
        assert cell.cell_type != "code" or (not cell.outputs and cell.execution_count is None)


@every_lab
def test_it_says_what_for_how_long_and_how_many_points(path):
    first = cells(path, "markdown")[0].source
    assert re.match(r"# Lab \d: ", first) and re.findall("^## .*", first, re.MULTILINE) == OPENING
    assert "Two hours:" in first and "20 points" in first
    assert sum(mark(cell).get("points", 0) for cell in cells(path)) == 20
    said = [
        int(n) for cell in cells(path, "markdown") for n in re.findall(r"^## .*\((\d) points?\)$", cell.source, re.M)
    ]
    assert sum(said) == 20, "the headings and the tests disagree"


@every_lab
def test_imports_stand_in_the_first_code_cell_and_pictures_have_words(path):
    _, *others = cells(path, "code")
    for cell in others:
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert "plt.subplots" not in cell.source or cell.metadata.mystnb.image.alt


@every_lab
def test_solutions_tests_and_rubrics_are_where_they_belong(path):
    for cell in cells(path):
        if mark(cell).get("solution"):
            assert "### BEGIN SOLUTION" in cell.source and "### END SOLUTION" in cell.source
        if mark(cell).get("grade") and cell.cell_type == "markdown":
            points = re.findall(r"(\d) points?:", cell.source.partition("*Rubric.")[2])
            assert sum(map(int, points)) == mark(cell)["points"]
        assert "HIDDEN TESTS" not in cell.source or (mark(cell).get("grade") and mark(cell)["locked"])
    assert any("### BEGIN HIDDEN TESTS" in cell.source for cell in cells(path))


@every_lab
def test_the_sheet_has_each_question_with_numbers(path):
    asked = {
        mark(cell)["grade_id"].removesuffix("-given"): re.search(r'given\("([\w-]+)"', cell.source).group(1)
        for cell in cells(path, "code")
        if mark(cell).get("grade_id", "").endswith("-given") and "exercises.given" in cell.source
    }
    assert asked == sheet.QUESTIONS[path.stem[:4]]
    assert set(asked.values()) <= set(exercises.VARIANTS)


def test_every_student_has_a_row_for_each_question():
    rows = list(sheet.rows(["ada", "grace"]))
    assert len(rows) == 2 * (sum(map(len, sheet.QUESTIONS.values())) + 2)
    ada, grace = ([row[3:5] for row in rows if row[0] == student] for student in ("ada", "grace"))
    assert sum(a != b for a, b in zip(ada, grace, strict=True)) > len(ada) / 2


def test_rosters_of_both_kinds(tmp_path):
    names, table, empty = (tmp_path / name for name in ("names.csv", "table.csv", "empty.csv"))
    names.write_text("ada\n\ngrace\n", encoding="utf-8")
    table.write_text("last_name,id\nLovelace,ada\nHopper,grace\n", encoding="utf-8")
    empty.write_text("\n", encoding="utf-8")
    assert sheet.read_roster(names) == sheet.read_roster(table) == ["ada", "grace"]
    with pytest.raises(ValueError, match=r"empty\.csv: no names"):
        sheet.read_roster(empty)
