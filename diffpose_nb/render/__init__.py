"""Digitally reconstructed radiographs: from a volume and a pose to the line integral behind every pixel.

The default renderer is one compiled march per ray on the CPU that yields the integral and its derivatives with
respect to both ends of the ray in the same pass. DiffDRR's renderers stand behind the same call, to compare with, and
the march can stand in for them in DiffDRR.
"""

from .diffdrr import Fused
from .integrals import integrate
from .renderer import METHODS, STEP, Renderer
from .volume import PackedVolume, Volume

__all__ = ["METHODS", "STEP", "Fused", "PackedVolume", "Renderer", "Volume", "integrate"]
