"""``diffpose-nb describe``: what files say of their geometry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .errors import WrongInput, one_line, wrong_input

if TYPE_CHECKING:
    import pandas as pd


def describe(
    files: Annotated[list[Path], typer.Argument(help="CTs (a file, or a folder of DICOM slices) and X-rays.")],
    frame: Annotated[int, typer.Option(help="Frame of an X-ray with several, counted from 0.")] = 0,
) -> None:
    """Print what files say of their geometry.

    Also what is missing, what is to be given, and what is assumed. Nothing of the patient is printed.
    """
    from ..dicom.picture import SUFFIXES

    for path in files:
        if not path.exists():
            raise WrongInput(f"{path}: there is no such file or folder")
    for number, path in enumerate(files):
        with wrong_input(str(path)):
            if path.suffix.lower() in SUFFIXES:
                lines = _picture(path)
            else:
                table, notes = _table(path, frame)
                lines = [*_lines(table), *notes]
        print("\n" * (number > 0) + str(path), *(f"  {line.rstrip()}" for line in lines), sep="\n")


def _table(path: Path, frame: int) -> tuple[pd.DataFrame, list[str]]:
    """The table of an X-ray or of a CT, whichever it is, and what reading it would assume or ask for."""
    from .. import ct, dicom

    if path.is_dir():
        return _of_ct(ct.describe(path))
    try:
        table = dicom.describe(path, frame=frame)
    except (dicom.NotAnXRay, dicom.UnreadableDicom) as no_xray:
        try:
            return _of_ct(ct.describe(path))
        except ct.CTError as no_ct:
            if isinstance(no_xray, dicom.NotAnXRay):
                raise no_xray from no_ct
            raise
    try:
        notes = [f"note: {note}" for note in dicom.read_xray(path, frame=frame).notes]
    except dicom.DicomGeometryError as error:
        notes = [f"to be given: {one_line(problem)}" for problem in error.problems]
    return table.drop(columns="meaning"), notes


def _lines(table: pd.DataFrame) -> list[str]:
    """The rows, their columns aligned on the left."""
    rows = [[str(cell) for cell in row] for row in table.fillna("").to_numpy()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _of_ct(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    is_note = table.property == "note"
    return table[~is_note], [f"note: {note}" for note in table.value[is_note]]


def _picture(path: Path) -> list[str]:
    """What a picture without a header says: its size and its numbers, and what has to be given."""
    from ..dicom import DicomGeometryError, read_picture
    from ..dicom.picture import open_picture

    pixels, notes = open_picture(path)
    rows, columns = pixels.shape
    facts = [f"a picture without a header: {rows} x {columns} pixels, {pixels.min():g} to {pixels.max():g}"]
    facts += [f"note: {note}" for note in notes]
    try:
        read_picture(path)
    except DicomGeometryError as error:
        facts += [f"to be given: {one_line(problem)}" for problem in error.problems]
    return facts
