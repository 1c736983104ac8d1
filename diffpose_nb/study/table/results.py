"""What a study has found: a log to which every row is added as soon as it is done, and the tables made of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from ...runtime import write_text_whole, written_whole
from .rows import COLUMNS, NAMES_ONLY, Row

LOG, CSV, PARQUET, PAGE = "log.jsonl", "results.csv", "results.parquet", "summary.html"
"""The files in the folder of a study. The log is the one that counts; the others are made of it."""
_TEXT, _NUMBER, _NUMBERS = pa.string(), pa.float64(), pa.list_(pa.float64())
FOUND: dict[str, pa.DataType] = {
    "judgement": _TEXT,
    "confidence": _NUMBER,
    "ncc": _NUMBER,
    "uncertainty": _NUMBERS,
    "start_mtre": _NUMBER,
    "mtre": _NUMBER,
    "mpe": _NUMBER,
    "mrpd": _NUMBER,
    "targets": _TEXT,
    "seconds": _NUMBER,
    "seconds_ct": _NUMBER,
    "world_from_camera": _NUMBERS,
    "lps_from_camera": _NUMBERS,
    "reasons": _TEXT,
    "notes": _TEXT,
    "version": _TEXT,
    "error": _TEXT,
}
"""The columns that a study adds to those of its table.

``judgement``, ``confidence``, ``ncc``, ``uncertainty`` (6 numbers) and ``reasons`` are those of
:class:`diffpose_nb.register.Refinement`; ``world_from_camera`` and ``lps_from_camera`` are 4 × 4 matrices as 16
numbers, row by row. Where the truth is known: ``start_mtre`` (of the start), ``mtre``, ``mpe`` and ``mrpd``, all in mm,
at the points that ``targets`` names. ``seconds`` is the time of the registration, and ``seconds_ct`` what reading the
CT took if it was read for this row. ``notes`` are the assumptions about CT and X-ray, ``version`` is that of this
package, and ``error`` says why a row failed; it then has no judgement. What is not known is empty."""
TIMES = ("seconds", "seconds_ct")
"""Columns that differ from run to run."""


def read_log(folder: Path) -> dict[str, dict[str, object]]:
    """Key of a row → what was found. A last line that was cut off, as by ``kill -9``, is removed from the file."""
    path = folder / LOG
    if not path.exists():
        return {}
    found, whole = {}, 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            entry = json.loads(line)
            found[entry["key"]] = entry
    if whole < path.stat().st_size:
        os.truncate(path, whole)
    return found


@contextmanager
def open_log(folder: Path) -> Iterator[Log]:
    """The log, to add rows to."""
    with (folder / LOG).open("ab") as file:
        yield Log(file)


class Log:
    """A file of JSON lines that only grows."""

    def __init__(self, file) -> None:
        self._file = file

    def add(self, entry: dict[str, object]) -> None:
        """Add a row. When this returns, the row is on the disk."""
        self._file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def table_of(rows: Sequence[Row], found: dict[str, dict[str, object]]) -> pa.Table:
    """The rows that are done, in the order of the study's table: its own columns, then :data:`FOUND`.

    A row without ``patient`` has the path of its CT there, and one without ``group`` is in the group "all".
    """
    named = {name for row in rows for name in row.texts} | set(NAMES_ONLY)
    columns = [name for name in ("patient", "group", *COLUMNS) if name in named]
    own = dict.fromkeys(columns, _TEXT)
    schema = pa.schema({"line": pa.int64()} | own | FOUND)
    done = []
    for row in rows:
        if row.key in found:
            texts = {"patient": row.texts["ct"], "group": "all"} | row.texts
            entry = {name: value for name, value in found[row.key].items() if name in FOUND}
            done.append({"line": row.line} | texts | entry)
    return pa.Table.from_pylist(done, schema=schema)


def write_results(folder: Path, table: pa.Table) -> pd.DataFrame:
    """Write the table as Parquet and as CSV, and return it. In CSV a list of numbers is JSON in one cell."""
    with written_whole(folder / PARQUET) as file:
        pa.parquet.write_table(table, file)
    frame = table.to_pandas()
    flat = frame.copy()
    for name in (name for name, kind in FOUND.items() if kind == _NUMBERS):
        flat[name] = [None if numbers is None else json.dumps(list(numbers)) for numbers in frame[name]]
    write_text_whole(folder / CSV, flat.to_csv(index=False))
    return frame
