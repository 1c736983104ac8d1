"""Checking a lab without nbgrader: the same tests, the same fence, a table of points."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

from .execution import FencedPreprocessor

LIMIT = 120
"""s: the longest that a cell may run."""


@dataclass(frozen=True)
class Row:
    """One graded cell of one submission. Points are None where a person gives them."""

    student: str
    lab: str
    question: str
    points: float | None
    of: float
    message: str = ""


def check(
    path: Path, tests: Sequence[dict], student: str = "", *, lab: str | None = None, limit: int = LIMIT
) -> list[Row]:
    """Run a lab and say what each test gives.

    Parameters
    ----------
    path
        The notebook. It is not changed.
    tests
        The lab's graded cells, see :func:`diffpose_nb.labs.making.tests_of`. They replace those in the notebook.
    student
        Who hands it in. Default: the name written in the notebook.
    lab
        The lab's name. Default: the file's.
    limit
        The longest that a cell may run, s.
    """
    notebook = nbformat.read(path, as_version=4)
    cells = {cell.get("id"): cell for cell in notebook.cells}
    for test in tests:
        if test["source"] is None:
            continue
        if test["id"] not in cells:
            cells[test["id"]] = new_code_cell(id=test["id"])
            notebook.cells.append(cells[test["id"]])
        cells[test["id"]].source = test["source"]
        cells[test["id"]].cell_type = "code"
    resources = {"metadata": {"path": str(path.parent)}, "nbgrader": {"student": student}}
    notebook, _ = FencedPreprocessor(timeout=limit).preprocess(notebook, resources)
    cells = {cell.get("id"): cell for cell in notebook.cells}
    rows = []
    for test in tests:
        errors = [o for o in cells.get(test["id"], {}).get("outputs", []) if o.output_type == "error"]
        points = None if test["source"] is None else 0.0 if errors else float(test["points"])
        message = f"{errors[0].ename}: {errors[0].evalue}".removesuffix(": ") if errors else ""
        rows.append(Row(student, lab or path.stem, test["name"], points, float(test["points"]), message))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """The command ``check.py`` of the archives."""
    beside = Path(sys.argv[0]).resolve().parent / "tests.json"
    parser = argparse.ArgumentParser(prog="check.py", description="Runs labs and says which questions are answered.")
    parser.add_argument("path", type=Path, help="a lab's notebook, or a folder with a folder for each student")
    parser.add_argument("--student", default="", help="user name whose numbers count (default: as in the notebook)")
    parser.add_argument("--table", type=Path, help="a CSV file for the points of all submissions")
    parser.add_argument("--tests", type=Path, default=beside, help="default: tests.json beside this script")
    parser.add_argument("--limit", type=int, default=LIMIT, help=f"seconds for a cell (default: {LIMIT})")
    chosen = parser.parse_args(arguments)
    tests = json.loads(chosen.tests.read_text(encoding="utf-8"))
    if chosen.path.is_dir():
        found = sorted((path.relative_to(chosen.path).parts[0], path) for path in chosen.path.glob("*/**/*.ipynb"))
    else:
        found = [(chosen.student, chosen.path)]
    known = [(student, path) for student, path in found if path.stem in tests]
    if not known:
        names = ", ".join(f"{name}.ipynb" for name in tests)
        parser.error(f"{chosen.path}: there is no lab here; its file keeps its name, one of {names}")
    rows = []
    for student, path in known:
        rows += check(path, tests[path.stem], student, limit=chosen.limit)
        _say([row for row in rows if row.student == student and row.lab == path.stem])
    if chosen.table:
        with chosen.table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(Row.__dataclass_fields__)
            writer.writerows([row.__dict__.values() for row in rows])


def _say(rows: Sequence[Row]) -> None:
    print(" ".join(filter(None, (rows[0].student, rows[0].lab))))
    for row in rows:
        points = "by hand" if row.points is None else f"{row.points:g} of {row.of:g}"
        print(f"  {row.question:12} {points:10} {row.message}".rstrip())
    given = [row for row in rows if row.points is not None]
    print(f"  {sum(row.points or 0 for row in given):g} of {sum(row.of for row in given):g} points\n")


if __name__ == "__main__":
    main()
