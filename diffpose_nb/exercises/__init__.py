"""Checks of the answers to the exercises: an answer is right or not yet right, and a usual mistake is explained.

The exercises of a notebook are in the sheet with the same number. This package imports ``data``, ``dicom`` and
``simulate``.
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
