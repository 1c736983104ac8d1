"""Controls for notebooks: what moves when a slider does.

The book has no kernel behind it. There, with the environment variable ``DIFFPOSE_NB_STATIC=1``, they show pictures that
were made in advance.
"""

from .carm import View, carm_console
from .stepper import Step, stepper

__all__ = ["Step", "View", "carm_console", "stepper"]
