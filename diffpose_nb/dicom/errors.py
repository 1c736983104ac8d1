"""The errors of reading and writing DICOM files.

Every message names the file and how to correct it. No message names a patient.
"""

from __future__ import annotations

import os
from collections.abc import Sequence


class DicomError(ValueError):
    """A file cannot be read, or cannot be written, as a projection X-ray."""


class UnreadableDicom(DicomError):  # noqa: N818 - the name says what the file is
    """The file does not exist, is not DICOM or is damaged, so that no image can be read from it."""


class NotAnXRay(DicomError):  # noqa: N818
    """The file is intact DICOM, but not a C-arm projection: for example a CT, a report or a screenshot."""


class DicomGeometryError(DicomError):
    """The header does not give the geometry. One error lists everything that is missing or unusable.

    Attributes
    ----------
    problems
        One sentence for each problem: the tag with its number, the value found, and the argument that supplies it.
    """

    def __init__(self, path: str | os.PathLike[str], problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{os.fspath(path)}: the geometry of this X-ray is not known:\n{lines}")
