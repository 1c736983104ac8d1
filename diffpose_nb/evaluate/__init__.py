"""How far an estimated pose is from the true one, and how often it is close enough.

Each error sees something else; say which one you report. They take poses ``world_from_camera`` (..., 4, 4), whose
leading dimensions broadcast, and landmarks in world mm: (N, 3) or a table with the columns x, y, z
(:func:`diffpose_nb.ct.landmarks`). They give mm, (...) float64, averaged over the landmarks.

Rates and medians are of a sample of X-rays; their intervals say how far another sample of the same size could have
led elsewhere.

Imports only ``camera``.
"""

from .axes import camera_errors
from .errors import Geodesic, diffpose_error, geodesic, mpe, mrpd, mtre
from .success import (
    GROSS,
    SUCCESS,
    Interval,
    gross_failure_rate,
    median_error,
    success_by_start,
    success_curve,
    success_rate,
    summary,
)

__all__ = [
    "GROSS",
    "SUCCESS",
    "Geodesic",
    "Interval",
    "camera_errors",
    "diffpose_error",
    "geodesic",
    "gross_failure_rate",
    "median_error",
    "mpe",
    "mrpd",
    "mtre",
    "success_by_start",
    "success_curve",
    "success_rate",
    "summary",
]
