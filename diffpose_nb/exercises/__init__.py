"""Checks of the answers to the exercises: an answer is right or not yet right, and a usual mistake is explained.

The exercises of a notebook are in the sheet with the same number. Some have variants: other numbers for each student of
a course. This package imports ``data`` and, for one sheet, ``simulate``.
"""

from .answers import Exercise, Mistake
from .checking import EXERCISES, Verdict, check
from .variants import VARIANTS, draw, given

__all__ = [
    "EXERCISES",
    "VARIANTS",
    "Exercise",
    "Mistake",
    "Verdict",
    "check",
    "draw",
    "given",
]
