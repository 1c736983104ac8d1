"""Controls for notebooks: what moves when a slider does.

Most are pages in themselves, the same with a kernel and without: :func:`compare`, :func:`refinement_steps`,
:func:`landscape_explorer` and :func:`stepper`. One computes while a slider moves, :func:`carm_console`. The book has no
kernel behind it; there, with the environment variable ``DIFFPOSE_NB_STATIC=1``, it shows pictures that were made in
advance.

Imports ``scenes``, ``plots`` and what lies below them.
"""

from .comparison import compare
from .console import View, carm_console
from .explorer import landscape_explorer
from .refinement import refinement_steps
from .steps import Step, stepper

__all__ = [
    "Step",
    "View",
    "carm_console",
    "compare",
    "landscape_explorer",
    "refinement_steps",
    "stepper",
]
