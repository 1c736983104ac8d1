"""Experiments that are counted: the example X-ray, a network's held-out X-rays, registrations by the hundred.

Every X-ray is simulated, so that its true pose is known, and every number comes from a seed, so that it can be computed
again. Imports all of the science: ``simulate``, ``register``, ``train`` and what lies below them.
"""

from .example import CAMERA, SOD, make_example, patient_motion
from .judging import errors_of, held_out, judge

__all__ = [
    "CAMERA",
    "SOD",
    "errors_of",
    "held_out",
    "judge",
    "make_example",
    "patient_motion",
]
