"""An exercise: its right answer, and the usual mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pydicom

from .. import data

Choices = Mapping[str, Sequence[Any]]
"""The quantities of an exercise that may differ from student to student, each with the values that it can have."""


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that many people give, and a hint at what they most likely did.

    Parameters
    ----------
    answer
        The wrong number.
    hint
        Sentence that is shown for this answer.
    tolerance
        Relative tolerance within which a number counts as this answer. Default: the tolerance of the exercise.
    """

    answer: float
    hint: str
    tolerance: float | None = None


@dataclass(frozen=True)
class Exercise:
    """A question with a number for an answer.

    Parameters
    ----------
    answer, unit
        The right number, and its unit for messages.
    tolerance
        Relative tolerance within which a number counts as right.
    mistakes
        The usual mistakes.
    """

    answer: float
    unit: str
    tolerance: float = 0.01
    mistakes: tuple[Mistake, ...] = ()


@cache
def _header() -> pydicom.Dataset:
    # by pydicom, not by our own reader, which needs PyTorch: that takes seconds, for each student who is graded
    return pydicom.dcmread(data.EXAMPLE_XRAY, stop_before_pixels=True)


def example_distances() -> tuple[float, float]:
    """SID and SOD of the example X-ray, mm."""
    return float(_header().DistanceSourceToDetector), float(_header().DistanceSourceToPatient)


def example_spacing() -> float:
    """Column spacing of the example X-ray at the detector, mm."""
    return float(_header().ImagerPixelSpacing[1])
