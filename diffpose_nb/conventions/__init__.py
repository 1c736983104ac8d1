"""Which convention is this matrix in? Every candidate is rendered and compared with the X-ray.

A 4 × 4 matrix does not say what it maps, from which origin, or from which side its image is seen. The CT and the X-ray
do: of all readings of the matrix, the right one renders a picture that looks like the X-ray.

Imports ``camera``, ``frames``, ``images``, ``ct`` and ``render``.
"""

from .ranking import rank
from .readings import Candidate, candidates, deepfluoro_volume

__all__ = [
    "Candidate",
    "candidates",
    "deepfluoro_volume",
    "rank",
]
