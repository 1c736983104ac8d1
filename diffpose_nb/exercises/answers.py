"""An exercise: its right answer, and the usual mistakes."""

from __future__ import annotations

from dataclasses import dataclass

from .. import data, dicom


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


def example_distances() -> tuple[float, float]:
    """SID and SOD of the example X-ray, mm."""
    xray = dicom.read_xray(data.EXAMPLE_XRAY)
    return xray.camera.sid, xray.world_from_camera[:3, 3].norm().item()
