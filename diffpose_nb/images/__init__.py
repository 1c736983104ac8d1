"""An X-ray as pixels that know their geometry, and what is done to pixels alone.

Where the pixels came from does not matter here: :mod:`diffpose_nb.dicom` reads them from a file,
:mod:`diffpose_nb.simulate` computes them. Imports only ``camera``.
"""

from .collimator import open_field
from .display import Display, undo_display
from .filters import local_contrast, smooth_inside
from .xray import XRay

__all__ = [
    "Display",
    "XRay",
    "local_contrast",
    "open_field",
    "smooth_inside",
    "undo_display",
]
