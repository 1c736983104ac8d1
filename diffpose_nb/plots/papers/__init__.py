"""The papers' figures, drawn narrow and in large letters, so that they are legible on a phone and in a column of print.

:func:`save` writes any of them as SVG or PDF, and the numbers behind it as CSV beside it.
"""

from .costs import patch_times, render_times
from .descents import bands, scales, six_errors
from .losses import losses_along
from .measured import errors_of_a_pose
from .methods import frames_of, success
from .saving import panels, save
from .spread import distributions, pairs, strips

__all__ = [
    "bands",
    "distributions",
    "errors_of_a_pose",
    "frames_of",
    "losses_along",
    "pairs",
    "panels",
    "patch_times",
    "render_times",
    "save",
    "scales",
    "six_errors",
    "strips",
    "success",
]
