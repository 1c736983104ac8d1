"""Checks for the exercises: an answer is right, not yet, or the usual mistake, which is then named.

The exercises of a notebook are in the sheet that has its number. Imports ``data``, ``dicom`` and ``simulate``.
"""

from .answers import Exercise, Mistake
from .checking import EXERCISES, Verdict, check

__all__ = [
    "EXERCISES",
    "Exercise",
    "Mistake",
    "Verdict",
    "check",
]
