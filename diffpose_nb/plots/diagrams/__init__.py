"""Drawings, to scale, that explain where source, patient and detector are. Lengths are in millimetres."""

from __future__ import annotations

from .arm import carm
from .side import in_pixels, pixel_rulers, side_view, spacing_trap, wrong_side

__all__ = ["carm", "in_pixels", "pixel_rulers", "side_view", "spacing_trap", "wrong_side"]
