"""Which convention is this matrix in? Every candidate is rendered and compared with the X-ray.

A 4 × 4 matrix does not say what it maps, from which origin, or from which side its image is seen. So every convention
gives another reading of it. The CT and the X-ray show which reading is right: a picture of the CT that is rendered from
the right pose looks like the X-ray.

This package imports ``camera``, ``frames``, ``images``, ``ct`` and ``render``.
"""

from .ranking import rank
from .readings import Candidate, candidates, deepfluoro_volume

__all__ = [
    "Candidate",
    "candidates",
    "deepfluoro_volume",
    "rank",
]
