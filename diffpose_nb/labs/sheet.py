"""The sheet for the teacher: each student's numbers, and the answers that belong to them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..exercises import EXERCISES, given
from .student import defect_of, shift_of

MADE_UP = ("ada", "grace", "sofia")
"""Three students for a sheet that shows what a sheet looks like."""
COLUMNS = ("student", "lab", "question", "numbers", "answer", "unit")
QUESTIONS = {
    "lab1": {"q2": "01-spacing", "q3": "01-export", "q5": "04-angle-sign", "q6": "02-magnification"}
    | {"q7": "02-resize-principal-point"},
    "lab2": {"q1": "05-siddon", "q4": "05-memory", "q5": "05-step"},
    "lab3": {"q4": "07-depth-shift", "q5": "07-roll", "q6": "07-second-view"},
    "lab4": {"q1": "08-by-hand", "q4": "09-damped-step", "q6": "09-matched-blur"},
    "lab5": {"q1": "10-turn", "q2": "10-shift", "q6": "10-depth", "q7": "11-no-failure"},
    "lab6": {"q5": "09-wrong-sid", "q6": "13-scale"},
}
"""Lab and question → the exercise whose variant it asks for."""


def rows(students: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The rows of the sheet, as :data:`COLUMNS` says."""
    for student in students:
        for lab, questions in QUESTIONS.items():
            for question, name in questions.items():
                numbers = given(name, student)
                exercise = EXERCISES[name](**numbers)
                words = ", ".join(f"{quantity} {value}" for quantity, value in numbers.items())
                yield student, lab, question, words, f"{exercise.answer:.5g}", exercise.unit
        right, down, along = shift_of(student)
        yield student, "lab4", "q5", "right, down, along the beam", f"{right:g}, {down:g}, {along:g}", "mm"
        yield student, "lab6", "q4", "what is wrong with the X-ray", defect_of(student), ""


def write(path: Path, students: Sequence[str]) -> None:
    """Write the sheet as a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows(students))


def read_roster(path: Path) -> list[str]:
    """User names of a CSV file: its column ``id``, as nbgrader calls it, or else its first column.

    Raises
    ------
    ValueError
        The file names nobody.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = [row for row in csv.reader(file) if row and row[0].strip()]
    column = table[0].index("id") if table and "id" in table[0] else 0
    names = [row[column].strip() for row in table[1 if table and "id" in table[0] else 0 :]]
    if not names:
        raise ValueError(f"{path}: no names; a roster has one user name a line, or a table with the column id")
    return names
