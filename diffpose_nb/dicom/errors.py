"""What can be wrong with a file. Every message names the file and what would mend it, and never a patient."""

from __future__ import annotations

import os
from collections.abc import Sequence


class DicomError(ValueError):
    """A file cannot be read, or cannot be written, as a projection X-ray."""


class UnreadableDicom(DicomError):  # noqa: N818 - what it is, in words
    """No file, no DICOM, or a damaged one: nothing that its owner meant can be had from it."""


class NotAnXRay(DicomError):  # noqa: N818
    """Sound DICOM of something that is no C-arm projection: a CT, a report, a screenshot."""


class DicomGeometryError(DicomError):
    """The header does not give the geometry; all that is missing or unusable, in one error.

    Attributes
    ----------
    problems
        One sentence each: the tag with its number, the value found, the argument that supplies it.
    """

    def __init__(self, path: str | os.PathLike[str], problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{os.fspath(path)}: the geometry of this X-ray is not known:\n{lines}")
