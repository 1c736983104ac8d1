"""How far an estimated pose is from the true one, and how often it is close enough.

Each error measures something different, so say which one you report. The functions take poses ``world_from_camera``
(..., 4, 4), whose leading dimensions broadcast, and landmarks in world coordinates, mm: a tensor (N, 3) or a table with
the columns x, y, z (:func:`diffpose_nb.ct.landmarks`). They return errors in mm, (...) float64, averaged over the
landmarks.

Rates and medians are computed from a sample of X-rays. Their intervals say how different they could be for another
sample of the same size.

This package imports only ``camera``.
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
