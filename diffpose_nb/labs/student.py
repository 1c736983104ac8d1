"""Who does the lab, and with which numbers."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from ..exercises import draw

NOBODY = "your user name"
"""What stands in a lab until a student has written a name."""
DEFECTS = ("mirrored", "inverted", "spacing", "angle")
"""What can be wrong with the X-ray of the last lab: the picture is mirrored; it is a negative; the pixel spacing was
calibrated to the isocentre; the primary angle has the other sign."""
SUBMITTER = "DIFFPOSE_NB_STUDENT"
"""Environment variable in which whoever grades says who has handed in."""


def who(name: str) -> str:
    """The student for whose numbers a lab asks.

    Where the lab is graded, this is who handed it in, whatever name is in it: so nobody is graded by the numbers of the
    neighbour from whom a notebook was copied.

    Parameters
    ----------
    name
        The user name that the student has written.

    Raises
    ------
    ValueError
        The name is empty.
    """
    submitter = os.environ.get(SUBMITTER, "")
    written = name.strip()
    if not (submitter or written):
        raise ValueError("the name is empty: write the user name under which you hand in")
    if not submitter:
        if written == NOBODY:
            print("Write your user name in this cell: your numbers depend on it.")
        return written
    if written != NOBODY and written.casefold() != submitter.casefold():
        print(
            f"Handed in by {submitter!r}, and worked with the numbers of {written!r}: graded by those of {submitter!r}."
        )
    return submitter


def shift_of(student: str) -> NDArray[np.float64]:
    """(3,) mm, where the patient of the fourth lab lies: to the right, down, along the beam."""
    steps = (-12.0, -9.0, -6.0, 6.0, 9.0, 12.0)
    return np.array([draw(student, f"lab4/shift {axis}", steps) for axis in ("right", "down", "along")])


def defect_of(student: str) -> str:
    """What is wrong with the X-ray of the last lab, one of :data:`DEFECTS`."""
    return draw(student, "lab6/defect", DEFECTS)
