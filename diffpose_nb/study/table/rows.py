"""The table of a study: what its columns mean, and what is wrong with it, found before anything runs."""

from __future__ import annotations

import csv
import difflib
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path
from typing import get_args

from ...dicom.picture import SUFFIXES, Bright, Values

_SHOWN = 40
"""So many problems are told in sentences. Of the others only the lines are listed."""


class TableError(ValueError):
    """A table cannot be used. One error lists everything that is wrong with it.

    Attributes
    ----------
    problems
        (line of the file, a sentence) for each problem; line 1 holds the names of the columns.
    """

    def __init__(self, path: str | Path, problems: Sequence[tuple[int, str]]) -> None:
        self.problems = tuple(problems)
        lines = [f"  - line {line}: {problem}" for line, problem in self.problems[:_SHOWN]]
        if rest := [line for line, _ in self.problems[_SHOWN:]]:
            lines.append(f"  - and {len(rest)} more, in lines {_ranges(rest)}")
        super().__init__(f"{path}: the study has not begun, because of this:\n" + "\n".join(lines))


def _number(text: str) -> float:
    value = float(text)
    if not abs(value) < float("inf"):
        raise ValueError
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def _pair(text: str) -> tuple[float, float]:
    first, second = (_number(part) for part in text.split())
    return first, second


def _spacing(text: str) -> tuple[float, float]:
    return _pair(text if len(text.split()) > 1 else f"{text} {text}")


def _one_of(*words: str) -> tuple[Callable[[str], str], str]:
    return {word: word for word in words}.__getitem__, " or ".join(words)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(";") if name.strip())


def _yes(text: str) -> bool:
    return {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}[text.lower()]


_A_NUMBER = (_number, "a number, such as 1020 or 0.5")
_TWO_NUMBERS = (_pair, "two numbers with a blank between them, such as 1 -1024")
_A_COUNT = (_count, "a whole number, 0 or more")
_YES_OR_NO = (_yes, "yes or no")
COLUMNS: dict[str, tuple[Callable[[str], object], str]] = {
    "ct": (str, ""),
    "xray": (str, ""),
    "patient": (str, ""),
    "group": (str, ""),
    "labels": (str, ""),
    "label_names": (str, ""),
    "hounsfield": _TWO_NUMBERS,
    "resample_labels": _YES_OR_NO,
    "frame": _A_COUNT,
    "sid": _A_NUMBER,
    "sod": _A_NUMBER,
    "primary": _A_NUMBER,
    "secondary": _A_NUMBER,
    "pixel_spacing": (_spacing, "one number, or two (of rows and of columns) with a blank between them"),
    "principal_point": _TWO_NUMBERS,
    "values": _one_of(*get_args(Values)),
    "bright": _one_of(*get_args(Bright)),
    "mirrored": _YES_OR_NO,
    "start": (str, ""),
    "structures": (_names, "names with ; between them"),
    "restarts": _A_COUNT,
    "truth": (str, ""),
}
"""Name of a column → what makes a value of its text, and how the text has to look.

``ct`` and ``xray`` have to be there. ``patient`` and ``group`` are names for the summary. ``labels``, ``label_names``,
``hounsfield`` and ``resample_labels`` are arguments of :func:`diffpose_nb.ct.load_ct` (``label_names`` is its
``structures``, a JSON file). ``frame`` to ``mirrored`` are arguments of :func:`diffpose_nb.dicom.read_xray`, or of
:func:`diffpose_nb.dicom.read_picture` where the X-ray is a picture without a header.
``start`` is a pose file of :meth:`diffpose_nb.register.Refinement.save`, the checkpoint of a network (``.pt``), or the
word ``search`` where the angles are not known; without it the header says where to start. ``structures`` are compared
alone, and ``restarts`` is the number of further attempts, see :class:`diffpose_nb.register.Comparison` and
:class:`diffpose_nb.register.Strategy`. ``truth`` is a pose file to measure the error with. An empty cell is as good as
no column."""
NEEDED = ("ct", "xray")
PATHS = ("ct", "xray", "labels", "label_names", "start", "truth")
SEARCH = "search"
"""In the column ``start``: the CT is looked at from all sides, by
:func:`diffpose_nb.register.unknown.start.find_start`."""
OF_CT = ("ct", "labels", "label_names", "hounsfield", "resample_labels")
"""Columns that say how the CT is read. Rows that agree in them share one CT."""
OF_XRAY = ("sid", "sod", "primary", "secondary", "pixel_spacing", "principal_point")
OF_DICOM, OF_PICTURE = ("frame",), ("values", "bright", "mirrored")
"""Columns that only X-rays with a header have, and those that only pictures without one have."""
NAMES_ONLY = ("patient", "group")
"""Columns that change nothing in a registration."""


@dataclass(frozen=True)
class Row:
    """A row of the table: one X-ray to register.

    Parameters
    ----------
    line
        Its line in the file. Line 1 holds the names of the columns.
    texts
        Column → text of the cell as it stands in the file, without empty cells.
    values
        Column → value. Paths are absolute.
    """

    line: int
    texts: dict[str, str]
    values: dict[str, object] = field(compare=False)

    @property
    def key(self) -> str:
        """A digest of everything that decides the result. It survives a table that is sorted anew or moved."""
        texts = {name: text for name, text in self.texts.items() if name not in NAMES_ONLY}
        return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()[:20]

    @property
    def ct(self) -> tuple[tuple[str, object], ...]:
        """What the CT is and how it is read: equal for rows that share a CT."""
        return tuple((name, self.values[name]) for name in OF_CT if name in self.values)


def read_table(path: str | Path, *, anywhere: bool = False) -> list[Row]:
    """The rows of a CSV file, checked: a study with a bad row does not begin.

    Parameters
    ----------
    path
        The table, with commas, semicolons or tabs between the cells, in UTF-8. :data:`COLUMNS` says what it may hold.
        Paths are relative to the folder of the table.
    anywhere
        Whether a path may be absolute, or lead out of the folder of the table. Such a table works on one machine only.

    Raises
    ------
    TableError
        The table is missing, is no such text or has no rows; a column is missing or unknown; a cell cannot be read; a
        file does not exist or is out of the table's folder; two rows are alike. The error lists every bad row.
    """
    path = Path(path)
    cells = _cells(path)
    folder = path.absolute().parent
    there: dict[str, str | None] = {}
    rows, problems, first = [], [], {}
    for line, texts, problem in cells:
        found = [problem] if problem else []
        values: dict[str, object] = {}
        for name, text in texts.items():
            if name in PATHS and (name, text) != ("start", SEARCH):
                if text not in there:  # a CT stands in hundreds of rows
                    there[text] = _problem_of_path(text, folder, anywhere)
                values[name] = normpath(folder / text)
                found += [f"{name} is {text!r}: {there[text]}"] if there[text] else []
                continue
            parse, form = COLUMNS[name]
            try:
                values[name] = parse(text)
            except (ValueError, KeyError):
                found.append(f"{name} is {text!r}: it has to be {form}")
        found += [f"{name} is empty: each row names a CT and an X-ray" for name in NEEDED if name not in texts]
        picture = Path(texts.get("xray", "")).suffix.lower() in SUFFIXES
        found += [
            f"{name} is given, which is for {'DICOM files' if picture else 'pictures without a header'} only"
            for name in (OF_DICOM if picture else OF_PICTURE)
            if name in texts
        ]
        row = Row(line, texts, values)
        if row.key in first:
            found.append(f"the row is like that of line {first[row.key]}; delete one of them")
        first.setdefault(row.key, line)
        rows.append(row)
        problems += [(line, sentence) for sentence in found]
    if problems:
        raise TableError(path, problems)
    return rows


def _cells(path: Path) -> list[tuple[int, dict[str, str], str | None]]:
    """Line, column → text, and a problem of each row that is not empty."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=head.count), strict=True)
            names = [name.strip().lower() for name in next(reader, [])]
            if problems := _problems_of_columns(names):
                raise TableError(path, problems)
            lines, before = [], reader.line_num
            for cells in reader:
                line, before = before + 1, reader.line_num
                if any(cell.strip() for cell in cells):
                    lines.append((line, cells))
    except FileNotFoundError:
        raise TableError(path, [(1, "there is no such file")]) from None
    except IsADirectoryError:
        raise TableError(path, [(1, "this is a folder; the table is a CSV file")]) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(path, [(1, f"not a CSV file in UTF-8 ({error}); save the table as one")]) from None
    if not lines:
        raise TableError(path, [(1, "there are no rows below the names of the columns")])
    rows = []
    for line, cells in lines:
        problem = None
        if len(cells) > len(names):
            problem = f"{len(cells)} cells, and there are {len(names)} columns; put texts with commas into quotes"
        pairs = zip(names, cells, strict=False)
        rows.append((line, {name: cell.strip() for name, cell in pairs if name and cell.strip()}, problem))
    return rows


def _problems_of_columns(names: list[str]) -> list[tuple[int, str]]:
    problems = [f"the column {name} is missing" for name in NEEDED if name not in names]
    for name in dict.fromkeys(names):
        if name and name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, 1)
            guess = f"did you mean {near[0]}? " if near else ""
            problems.append(f"the column {name!r} is unknown; {guess}The columns are {', '.join(COLUMNS)}")
        if name and names.count(name) > 1:
            problems.append(f"the column {name} is there {names.count(name)} times")
    return [(1, problem) for problem in problems]


def _problem_of_path(text: str, folder: Path, anywhere: bool) -> str | None:
    whole = Path(normpath(folder / text))
    if not anywhere and (Path(text).is_absolute() or not whole.is_relative_to(folder)):
        return "a path out of the table's folder; write it relative to that folder, or allow such paths (--anywhere)"
    return None if whole.exists() else f"there is no such file in {folder}"


def _ranges(lines: Sequence[int]) -> str:
    """1, 2, 3, 7 as "1-3, 7"."""
    parts: list[list[int]] = []
    for line in sorted(set(lines)):
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in parts)
