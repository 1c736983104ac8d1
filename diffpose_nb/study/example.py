"""The example X-ray: which C-arm took it, and how far the patient was from where its header says."""

from __future__ import annotations

import numpy as np

from .. import ct
from ..camera import Camera, rigid_motion
from ..images import XRay
from ..simulate import simulate_xray

SEED = 9
PRIMARY, SECONDARY = 20.0, 10.0
"""Degrees: LAO 20, CRA 10."""
SOD = 700.0
"""mm"""
# A 31 cm flat detector with pixels of 0.194 mm, read out in blocks of 5 x 5.
CAMERA = Camera(sid=1020.0, pixel_spacing=(0.97, 0.97), shape=(320, 320))


def patient_motion(seed: int = SEED) -> dict[str, list[float]]:
    """How far the patient was from where the header thinks: rotation vector, degrees, and translation, mm.

    Uniform within 6 degrees and 20 mm of each axis, to a tenth: arguments of :func:`diffpose_nb.camera.rigid_motion`.
    """
    rng = np.random.default_rng(seed)
    rotation, translation = rng.uniform(-6.0, 6.0, 3), rng.uniform(-20.0, 20.0, 3)
    return {"rotation": rotation.round(1).tolist(), "translation": translation.round(1).tolist()}


def make_example() -> XRay:
    """The example X-ray: the chest CT seen from LAO 20, CRA 10, by a C-arm whose patient has moved."""
    motion = rigid_motion(**patient_motion())
    return simulate_xray(ct.example(), CAMERA, PRIMARY, SECONDARY, SOD, motion=motion, seed=SEED)
