"""X-rays that are simulated from a CT, with physics that the renderer does not share.

If a registration is tested on images of its own renderer, the test says nothing about real X-rays, because both images
are simplified in the same way. So this package imports nothing of :mod:`diffpose_nb.render`. It imports only
``camera``, ``ct``, ``images`` and ``runtime``.

The X-ray may also show what the CT does not: metal, cables or an arm (``foreign=``, ``mounted=``), and a patient who
lies differently (:func:`bend`).
"""

from .bending import Bend, Plane, bend
from .detector import Collimation, collimator
from .exposure import FULL_SCALE, OFF, simulate_xray, trace
from .foreign.implants import instruments, screw
from .foreign.materials import MATERIALS, Material
from .foreign.overlying import arm, beads, cables, lead_letter
from .foreign.shapes import Ball, Box, Rod, Shape, Wire

__all__ = [
    "FULL_SCALE",
    "MATERIALS",
    "OFF",
    "Ball",
    "Bend",
    "Box",
    "Collimation",
    "Material",
    "Plane",
    "Rod",
    "Shape",
    "Wire",
    "arm",
    "beads",
    "bend",
    "cables",
    "collimator",
    "instruments",
    "lead_letter",
    "screw",
    "simulate_xray",
    "trace",
]
