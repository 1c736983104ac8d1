"""The exercises, with the right answers and the usual mistakes. Each notebook has a module."""

from . import _00, _01, _02, _03, _04, _05, _06, _07, _08, _09, _10, _11, _12, _13, _14, _15, _16, _17

SHEETS = (_00, _01, _02, _03, _04, _05, _06, _07, _08, _09, _10, _11, _12, _13, _14, _15, _16, _17)
"""The modules in the order of the notebooks."""
