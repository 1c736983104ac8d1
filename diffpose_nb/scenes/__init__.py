"""3D scenes: the C-arm of an X-ray around the bones of a CT, in world mm.

The patient lies on the table, as in the operating room: the front is up. Blue is what the C-arm is, orange what the
header says about it.

Imports ``plots`` and what lies below it. Only this package and ``widgets`` need PyVista.
"""

from .scene import FROM_THE_FEET, carm, png, views
from .sequence import interactive
from .server import live
from .stage import detector

__all__ = [
    "FROM_THE_FEET",
    "carm",
    "detector",
    "interactive",
    "live",
    "png",
    "views",
]
