"""2D/3D registration: from a first guess of the C-arm's pose to the pose that explains the X-ray.

Gauss-Newton (Levenberg-Marquardt) on local normalised cross-correlation, coarse to fine. One march through the CT
gives the image and its six derivative images; the CT and the X-ray are smoothed alike, to about the footprint of a
pixel, because derivatives of a raw CT are mostly its noise, and noise in the derivatives shortens every step.

:func:`refine` is the function to begin with. :func:`descend` is DiffPose's own method, to compare with. Imports
``similarity`` and what lies below it.
"""

from ..camera import apart
from .calibration import adjusted, detector_derivatives
from .choices import Comparison, Strategy
from .descent import descend
from .judgement import Evidence, Verdict, features_of, judge
from .outcome import Refinement, Step, load_pose
from .piecewise.field import PolyrigidField
from .piecewise.pieces import PiecewiseRefinement, refine_pieces
from .piecewise.springs import Stiffness
from .pixels.worth import whole_rays
from .prior import Prior
from .refinement import refine
from .stages import BONE, STAGES, Stage
from .unknown.reading import Reading, readings, register_readings
from .unknown.start import find_start

__all__ = [
    "BONE",
    "STAGES",
    "Comparison",
    "Evidence",
    "PiecewiseRefinement",
    "PolyrigidField",
    "Prior",
    "Reading",
    "Refinement",
    "Stage",
    "Step",
    "Stiffness",
    "Strategy",
    "Verdict",
    "adjusted",
    "apart",
    "descend",
    "detector_derivatives",
    "features_of",
    "find_start",
    "judge",
    "load_pose",
    "readings",
    "refine",
    "refine_pieces",
    "register_readings",
    "whole_rays",
]
