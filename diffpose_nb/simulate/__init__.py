"""X-rays of a CT, with physics that the renderer does not share.

A registration that is judged on images of its own renderer is judged on nothing. So this package imports nothing of
:mod:`diffpose_nb.render`: only ``camera``, ``images`` and ``runtime``.
"""

from .exposure import FULL_SCALE, OFF, Collimation, collimator, simulate_xray, trace

__all__ = [
    "FULL_SCALE",
    "OFF",
    "Collimation",
    "collimator",
    "simulate_xray",
    "trace",
]
