"""X-ray images together with their geometry, and operations on pixels alone.

The origin of the pixels does not matter here: :mod:`diffpose_nb.dicom` reads them from a file, and
:mod:`diffpose_nb.simulate` computes them. This package imports only ``camera``.
"""

from .collimator import open_field
from .display import Display, undo_display
from .filters import local_contrast, smooth_inside, smoother
from .polarity import beam_sign
from .xray import XRay

__all__ = [
    "Display",
    "XRay",
    "beam_sign",
    "local_contrast",
    "open_field",
    "smooth_inside",
    "smoother",
    "undo_display",
]
