"""The labs, graded by nbgrader in a course of its own: what each kind of submission gets, and what is said to it.

Wrong answers are handed in together, as far as they are to different questions, so that fewer notebooks are executed.
With the environment variable ``EACH_SUBMISSION=1`` each submission is graded by itself, and its points are printed.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from submissions import LOOP, PEEK, STOPPED, WRONG, Wrong, united

ROOT = Path(__file__).parents[2]
LIMITS = {"lab5": 45, "lab6": 60}
"""s for a cell that trains or registers, in place of two minutes. Imports have a limit of their own."""
LIMIT = 6
"""s for any other cell, on a busy machine."""
SOLVED, UNTOUCHED, HANGS = "solved", "untouched", "hangs"
LABS = sorted(path.stem for path in (ROOT / "labs" / "source").glob("*/*.ipynb"))


@pytest.fixture(scope="module")
def course(tmp_path_factory, missing):
    """The folder of a course, with the sources and the configuration of this one and the student release."""
    if importlib.util.find_spec("nbgrader") is None:
        missing("nbgrader is missing: pip install -c constraints.txt '.[labs]'")
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "labs" / "source", folder / "source")
    shutil.copy(ROOT / "labs" / "nbgrader_config.py", folder)
    from diffpose_nb.labs.making import make

    make(folder)
    return folder


def students(lab):
    """Each submission by the user name under which it is handed in."""
    wrong = {f"wrong{number}": each for number, each in enumerate(WRONG[lab], 1)} | {HANGS: STOPPED[lab]}
    each_by_itself = os.environ.get("EACH_SUBMISSION") == "1"
    return {SOLVED: Wrong({}), UNTOUCHED: Wrong({}), **(wrong if each_by_itself else united(wrong))}


def who_hands_in(lab, name):
    """The student among whose answers are those of this submission."""
    return next(student for student in students(lab) if name in student.split("_"))


def hand_in(course, lab, student, cells, of):
    """A copy of the solution or the release, with some answers replaced."""
    notebook = nbformat.read(course / of / lab / f"{lab}.ipynb", as_version=4)
    if of == "solution":  # as a student's, it has the release's locked cells
        release = nbformat.read(course / "release" / lab / f"{lab}.ipynb", as_version=4)
        for cell, released in zip(notebook.cells, release.cells, strict=True):
            if released.metadata.get("nbgrader", {}).get("locked"):
                cell.source = released.source
            cell.metadata = released.metadata
    replaced = set()
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in cells:
            cell.source = cells[name]
            replaced.add(name)
    assert replaced == set(cells)
    folder = course / "submitted" / student / lab
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{lab}.ipynb")


def autograde(course, lab, limit):
    """Grades what was handed in and is not graded yet; no cell runs longer than ``limit`` s."""
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader looks for alembic
    command = [sys.executable, "-m", "nbgrader", "autograde", lab, f"--FencedExecute.timeout={limit}"]
    done = subprocess.run(
        command, cwd=course, env=os.environ | {"PATH": beside}, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module", params=LABS)
def graded(request, course):
    """A lab's name, the gradebook's submissions by student, and the autograded notebooks."""
    from nbgrader.api import Gradebook

    lab = request.param
    for student, submission in students(lab).items():
        if HANGS in student and lab[:4] in LIMITS:
            autograde(course, lab, LIMITS[lab[:4]])  # all others, whose cells may need their time
        hand_in(course, lab, student, submission.cells, "release" if student == UNTOUCHED else "solution")
    autograde(course, lab, LIMIT)
    marks, texts = {}, {}
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        for student in students(lab):
            submission = gradebook.find_submission_notebook(lab, lab, student)
            marks[student] = {grade.name: (grade.auto_score, grade.max_score) for grade in submission.grades}
            file = course / "autograded" / student / lab / f"{lab}.ipynb"
            texts[student] = nbformat.read(file, as_version=4)
    return lab, marks, texts


def outputs_of(notebook, name):
    """What stands under an answer, as one text."""
    (cell,) = (c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)
    return " ".join(output.get("evalue", "") for output in cell.get("outputs", []))


def in_a_row(lab, marks):
    """What nbgrader gives to each kind of submission, as a row of a table."""
    points = {student: sum(score or 0 for score, _ in grades.values()) for student, grades in marks.items()}
    return f"{lab:30}" + "".join(f"  {student:>9} {given:2g}" for student, given in points.items())


def test_the_solution_gets_all_points_and_the_text_waits_for_a_person(graded, measured):
    lab, marks, notebooks = graded
    measured(in_a_row(lab, marks))
    by_hand = {name for name, (score, _) in marks[SOLVED].items() if score is None}
    assert len(by_hand) == 1, "one question by hand"
    failed = {
        name: outputs_of(notebooks[SOLVED], name) for name, (score, most) in marks[SOLVED].items() if score != most
    }
    assert set(failed) == by_hand, failed
    assert sum(most for _, most in marks[SOLVED].values()) == 20


def test_the_untouched_release_gets_none(graded):
    _, marks, _ = graded
    assert all(score == 0 for score, _ in marks[UNTOUCHED].values()), marks[UNTOUCHED]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_plausible_wrong_answers_get_what_the_rubric_says(graded, number):
    lab, marks, _ = graded
    student = who_hands_in(lab, f"wrong{number}")
    found = {name for name, (score, _) in marks[student].items() if score == 0}
    assert found == students(lab)[student].lost
    full = {name for name, (score, most) in marks[student].items() if score == most}
    assert len(full | found) == len(marks[SOLVED]) - 1, "all or nothing, but for the text"


def test_what_hangs_or_pries_is_stopped_and_told(graded):
    lab, marks, notebooks = graded
    student = who_hands_in(lab, HANGS)
    lost = {name for name, (score, _) in marks[student].items() if score == 0}
    assert lost == students(lab)[student].lost, "the rest keeps its points"
    named = {answer: name for name, answer in STOPPED[lab].cells.items()}
    loop, peek = (outputs_of(notebooks[student], named[answer]) for answer in (LOOP, PEEK))
    assert f"more than {LIMIT} s and was stopped" in loop
    assert "may read only what lies in its own folder" in peek and "header.ipynb" in peek
