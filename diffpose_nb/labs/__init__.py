"""Labs of a course: each student's numbers, a light CT to work with, and grading inside a fence.

The labs themselves are notebooks in ``labs/`` of the repository; ``python -m diffpose_nb.labs`` makes from them what
students and teachers get. This package imports ``data`` and ``exercises``, and for the last lab ``register`` and what
that imports.
"""

from .coarse import Chest, View, carm_pose, chest, drr, hounsfield
from .student import defect_of, shift_of, who

__all__ = ["Chest", "View", "carm_pose", "chest", "defect_of", "drr", "hounsfield", "shift_of", "who"]
