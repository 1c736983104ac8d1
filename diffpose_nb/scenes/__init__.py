"""3D scenes: the C-arm of an X-ray around the bones of a CT, in world mm.

The patient lies on a table with the front up, as in the operating room. The C-arm is drawn in blue. What the X-ray's
header says about it is drawn in orange.

Imports ``plots`` and the packages below it. Only this package and ``widgets`` need PyVista.
"""

from .around import cameras
from .joint import fluoroscopes
from .scene import FROM_THE_FEET, carm, png, views
from .sequence import interactive
from .server import live
from .stage import detector

__all__ = [
    "FROM_THE_FEET",
    "cameras",
    "carm",
    "detector",
    "fluoroscopes",
    "interactive",
    "live",
    "png",
    "views",
]
