"""``diffpose-nb describe``: what files say of their geometry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .errors import wrong_input


def describe(
    files: Annotated[list[Path], typer.Argument(help="CTs (a file, or a folder of DICOM slices) and X-rays.")],
    frame: Annotated[int, typer.Option(help="Frame of an X-ray with several, counted from 0.")] = 0,
) -> None:
    """Print what a CT or an X-ray says of its geometry, what is missing and what is assumed. Nothing of the patient."""
    from .. import ct, dicom

    for path in files:
        with wrong_input():
            try:
                table = dicom.describe(path, frame=frame)
            except (dicom.NotAnXRay, dicom.UnreadableDicom):
                table = ct.describe(path)
        print(f"{path}\n{table.to_string(index=False)}\n")
