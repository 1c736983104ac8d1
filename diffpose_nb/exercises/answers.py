"""What an exercise is: its answer, and the usual mistakes."""

from __future__ import annotations

from dataclasses import dataclass

from .. import data, dicom


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that many give, and what they most likely did; ``tolerance`` is the exercise's by default."""

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
        Relative.
    mistakes
        The usual ones.
    """

    answer: float
    unit: str
    tolerance: float = 0.01
    mistakes: tuple[Mistake, ...] = ()


def example_distances() -> tuple[float, float]:
    """SID and SOD of the example X-ray, mm."""
    xray = dicom.read_xray(data.EXAMPLE_XRAY)
    return xray.camera.sid, xray.world_from_camera[:3, 3].norm().item()
