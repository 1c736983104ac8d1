"""Experiments on simulated X-rays: the example X-ray, X-rays to test a network on, hundreds of registrations.

Every X-ray is simulated, so its true pose is known. Every random number comes from a seed, so every result can be
computed again. This package imports ``simulate``, ``register``, ``train`` and what they import.
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
