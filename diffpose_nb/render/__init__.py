"""Digitally reconstructed radiographs: from a volume and a pose to the line integral behind every pixel.

The default renderer is one compiled march per ray on the CPU that yields the integral and its derivatives with
respect to both ends of the ray in the same pass. DiffDRR's renderers stand behind the same call, to compare with, and
the march can stand in for them in DiffDRR.

Imports ``camera``, ``frames``, ``ct`` and ``runtime``.
"""

from .diffdrr import Fused
from .information import cramer_rao, fisher_information
from .integrals import integrate, line_integrals
from .jacobian import pose_jacobian
from .prepared import smoothed
from .renderer import METHODS, STEP, Renderer
from .volume import PackedVolume, Volume

__all__ = [
    "METHODS",
    "STEP",
    "Fused",
    "PackedVolume",
    "Renderer",
    "Volume",
    "cramer_rao",
    "fisher_information",
    "integrate",
    "line_integrals",
    "pose_jacobian",
    "smoothed",
]
