"""Controls for notebooks: pictures that change when the reader moves a slider.

:func:`compare`, :func:`refinement_steps`, :func:`landscape_explorer`, :func:`stepper`, :func:`choose` and
:func:`pose_cloud` contain everything they need, so they work with and without a kernel. :func:`carm_console` computes
while a slider moves, so it needs a kernel. The pages of the book have none; the book is built with the environment
variable ``DIFFPOSE_NB_STATIC=1``, with which
:func:`carm_console` becomes a C-arm that is rendered by the reader's own graphics card, or, for another CT than the
example's and without WebGL2, pictures that were made in advance.

Imports ``scenes``, ``plots`` and the packages below them.
"""

from .cloud import pose_cloud
from .comparison import compare
from .console import View, carm_console
from .explorer import landscape_explorer
from .picker import Choice, choose
from .refinement import refinement_steps
from .steps import Step, stepper

__all__ = [
    "Choice",
    "Step",
    "View",
    "carm_console",
    "choose",
    "compare",
    "landscape_explorer",
    "pose_cloud",
    "refinement_steps",
    "stepper",
]
