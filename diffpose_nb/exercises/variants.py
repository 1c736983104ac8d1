"""Other numbers for each student: the same exercise, another answer."""

from __future__ import annotations

import hashlib
from typing import Any

from .answers import Choices
from .sheets import SHEETS

VARIANTS: dict[str, Choices] = {
    name: choices for sheet in SHEETS for name, choices in getattr(sheet, "VARIANTS", {}).items()
}
"""The exercises that can have other numbers, by name: which quantities, and the values that each can have."""


def given(name: str, student: str) -> dict[str, Any]:
    """The numbers of a student's own variant of an exercise, for :func:`check`.

    They follow from the student's name and the exercise's, so that a student has the same ones every time, on every
    computer, and whoever grades can find them again.

    Parameters
    ----------
    name
        Name of an exercise in :data:`VARIANTS`, such as "04-source-height".
    student
        The student's name. Case and surrounding spaces do not count.

    Raises
    ------
    ValueError
        The exercise has no variants, or the name is empty.
    """
    if name not in VARIANTS:
        raise ValueError(f"{name!r} has no variants: there are {', '.join(VARIANTS)}")
    return {quantity: draw(student, f"{name}/{quantity}", values) for quantity, values in VARIANTS[name].items()}


def draw(student: str, what: str, values: Any) -> Any:
    """One of some values, chosen by a student's name and by what it is for.

    Raises
    ------
    ValueError
        The name is empty.
    """
    who = " ".join(student.split()).casefold()
    if not who:
        raise ValueError("the student's name is empty: write the user name under which the lab is handed in")
    # not Python's own hash, which differs from run to run
    number = int.from_bytes(hashlib.sha256(f"{who}/{what}".encode()).digest()[:8], "big")
    return values[number % len(values)]
