"""From the sources of the labs to what students and teachers get. Needs the extra ``labs``."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config, PyFileConfigLoader

from . import sheet

RELEASE, SOLUTION, ARCHIVE = "release", "solution", "archive"
"""Folders of the course that :func:`make` writes."""
CHECK = '''"""``python check.py lab.ipynb`` checks a lab that you have done; see README.txt."""

from diffpose_nb.labs.plain import main

main()
'''
_STUDENTS = """The labs of the course "Where was the C-arm?", for systems without nbgrader.

Each lab is a notebook. To check one that you have done:

    python check.py lab1_header_and_pose.ipynb

It runs the notebook from the top and says which questions are answered. It cannot see the hidden tests; your teacher's
copy can. Python needs the package diffpose-nb, as for the notebooks themselves.
"""
_TEACHERS = """The labs of the course "Where was the C-arm?", for a teacher on a system without nbgrader.

In solutions/ are the labs with their solutions and rubrics, and answers.csv, the answers of each student. To grade what
was handed in, put it into a folder for each student, named by the user name, and say where these folders are:

    python check.py submissions --table grades.csv

Every submission is run inside a fence and within a limit of time. Points for the last question, which a person gives,
are left open in the table. tests.json holds the hidden tests: do not hand it out.
"""


def labs_of(course: Path) -> list[str]:
    """The names of a course's labs, in their order."""
    return sorted(path.parent.name for path in course.glob("source/*/*.ipynb"))


def make(course: Path, students: Sequence[str] = ()) -> list[Path]:
    """Write the student release, the instructor version and the archives of a course.

    Parameters
    ----------
    course
        The course's folder, with ``nbgrader_config.py`` and ``source``.
    students
        User names for the sheet of answers. Default: three that are made up, as an example.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    ModuleNotFoundError
        nbgrader is not installed.
    """
    # nbgrader starts a program, alembic, that lies beside Python: found also where the environment is not activated
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    config = PyFileConfigLoader("nbgrader_config.py", str(course)).load_config()
    config.merge(Config({"CourseDirectory": {"root": str(course.resolve())}}))
    with chdir(course):  # nbgrader looks for the header from here
        for lab in labs_of(Path()):
            _convert(config, lab)
    answers = course / SOLUTION / "answers.csv"
    sheet.write(answers, students or sheet.MADE_UP)
    archives = course / ARCHIVE
    shutil.rmtree(archives, ignore_errors=True)
    archives.mkdir()
    written = [course / RELEASE, course / SOLUTION, answers]
    return [*written, _for_students(course, archives), _for_teachers(course, archives)]


def _convert(config: Config, lab: str) -> None:
    from nbgrader.converters import GenerateAssignment, GenerateSolution
    from nbgrader.coursedir import CourseDirectory

    for converter in (GenerateAssignment, GenerateSolution):
        chosen = Config(config)
        chosen.CourseDirectory.assignment_id = lab
        working = converter(coursedir=CourseDirectory(config=chosen), config=chosen)
        working.force = True
        working.start()


def _for_students(course: Path, folder: Path) -> Path:
    path = folder / "labs_for_students.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labs/README.txt", _STUDENTS)
        archive.writestr("labs/check.py", CHECK)
        tests = {}
        for lab in labs_of(course):
            notebook = nbformat.read(course / RELEASE / lab / f"{lab}.ipynb", as_version=4)
            tests[lab] = tests_of(notebook)
            archive.writestr(f"labs/{lab}.ipynb", _plain(notebook))
        archive.writestr("labs/tests.json", json.dumps(tests, indent=1))
    return path


def _for_teachers(course: Path, folder: Path) -> Path:
    path = folder / "labs_for_teachers.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labs_teacher/README.txt", _TEACHERS)
        archive.writestr("labs_teacher/check.py", CHECK)
        archive.write(course / SOLUTION / "answers.csv", "labs_teacher/solutions/answers.csv")
        tests = {}
        for lab in labs_of(course):
            source = nbformat.read(course / "source" / lab / f"{lab}.ipynb", as_version=4)
            tests[lab] = tests_of(source)
            solved = nbformat.read(course / SOLUTION / lab / f"{lab}.ipynb", as_version=4)
            archive.writestr(f"labs_teacher/solutions/{lab}.ipynb", _plain(solved))
        archive.writestr("labs_teacher/tests.json", json.dumps(tests, indent=1))
    return path


def tests_of(notebook: NotebookNode) -> list[dict[str, object]]:
    """The graded cells of a lab, as :func:`diffpose_nb.labs.plain.check` takes them.

    Each has the keys ``id``, ``name``, ``points`` and ``source``. The source is None where a person gives the points.
    """
    found = []
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("grade"):
            source = None if mark["solution"] else cell.source
            found.append({"id": cell.id, "name": mark["grade_id"], "points": mark["points"], "source": source})
    return found


def _plain(notebook: NotebookNode) -> str:
    """Without nbgrader's marks, and with cells that may be edited."""
    for cell in notebook.cells:
        for key in ("nbgrader", "deletable", "editable"):
            cell.metadata.pop(key, None)
    return nbformat.writes(notebook)
