"""The exercises, a module for each notebook: the right answers, and the usual mistakes."""

from . import _00, _01, _02, _03, _04, _05, _06, _07, _08, _09, _10, _11

SHEETS = (_00, _01, _02, _03, _04, _05, _06, _07, _08, _09, _10, _11)
"""In the order of the notebooks."""
