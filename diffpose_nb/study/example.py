"""The example X-ray: the C-arm that took it, and how far the patient had moved from the position in its header."""

from __future__ import annotations

import numpy as np

from .. import ct
from ..camera import Camera, rigid_motion
from ..images import XRay
from ..simulate import simulate_xray

SEED = 9
PRIMARY, SECONDARY = 20.0, 10.0
"""Positioner angles of the C-arm, degrees: LAO 20, CRA 10."""
SOD = 700.0
"""Distance from the source to the isocentre, mm."""
# A 31 cm flat detector with pixels of 0.194 mm, read out in blocks of 5 x 5.
CAMERA = Camera(sid=1020.0, pixel_spacing=(0.97, 0.97), shape=(320, 320))
"""The camera of the example X-ray and of the hundred registrations: a flat detector of 31 cm x 31 cm."""


def patient_motion(seed: int = SEED) -> dict[str, list[float]]:
    """How far the patient has moved from the position that the header assumes: arguments of ``rigid_motion``.

    Each of the three components of the rotation vector is drawn uniformly within ±6 degrees, and each of the three
    components of the translation within ±20 mm; both are rounded to a tenth. See
    :func:`diffpose_nb.camera.rigid_motion`.
    """
    rng = np.random.default_rng(seed)
    rotation, translation = rng.uniform(-6.0, 6.0, 3), rng.uniform(-20.0, 20.0, 3)
    return {"rotation": rotation.round(1).tolist(), "translation": translation.round(1).tolist()}


def make_example() -> XRay:
    """The example X-ray: the chest CT seen from LAO 20, CRA 10, by a C-arm whose patient has moved."""
    motion = rigid_motion(**patient_motion())
    return simulate_xray(ct.example(), CAMERA, PRIMARY, SECONDARY, SOD, motion=motion, seed=SEED)
