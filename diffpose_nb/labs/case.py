"""An X-ray for the last lab, in whose file one thing is wrong. Which one, depends on the student."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torchio
from torch import Tensor

from .. import ct
from ..camera import Camera, carm_pose, rigid_motion
from ..evaluate import mtre
from ..exercises import draw
from ..images import XRay
from ..simulate import simulate_xray
from .coarse import hounsfield
from .student import defect_of

SOD = 700.0
_CAMERA = Camera(1020.0, (6.0, 6.0), (52, 52))
_FLIPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Case:
    """A patient and an X-ray.

    Parameters
    ----------
    subject
        The CT on a coarse grid, for :func:`diffpose_nb.register.refine`.
    xray
        The X-ray as its file says, with one defect.
    primary, secondary
        The angles that its header claims, degrees.
    """

    subject: torchio.Subject
    xray: XRay
    primary: float
    secondary: float


def case(student: str) -> Case:
    """The CT, and a student's X-ray with its defect."""
    defect, (angles, truth) = defect_of(student), _drawn(student)
    subject = ct.make_subject(hounsfield()[0], _FLIPS @ hounsfield()[1])
    nominal = carm_pose(*angles, SOD)
    xray = simulate_xray(subject, _CAMERA, *angles, SOD, motion=truth @ torch.linalg.inv(nominal), seed=1)
    claimed = (-angles[0] if defect == "angle" else angles[0], angles[1])
    xray = replace(xray, world_from_camera=carm_pose(*claimed, SOD), true_world_from_camera=None)
    if defect == "mirrored":
        xray = replace(xray, pixels=xray.pixels.flip(1))
    elif defect == "inverted":
        xray = replace(xray, pixels=xray.pixels.max() - xray.pixels)
    elif defect == "spacing":
        small = tuple(mm * SOD / _CAMERA.sid for mm in _CAMERA.pixel_spacing)
        xray = replace(xray, camera=replace(xray.camera, pixel_spacing=small))
    return Case(subject, xray, *claimed)


def error_of(student: str, world_from_camera: Tensor) -> float:
    """mTRE of a pose (4, 4) for a student's X-ray, mm, over points in the chest. The hidden tests use it."""
    points = torch.cartesian_prod(*[torch.tensor([-60.0, 0.0, 60.0], dtype=torch.float64)] * 3)
    return float(mtre(world_from_camera, _drawn(student)[1], points))


def _drawn(student: str) -> tuple[tuple[float, float], Tensor]:
    """The true angles of the header, degrees, and the true pose (4, 4)."""
    angles = draw(student, "lab6/primary", (24.0, 28.0, 32.0, 36.0)), draw(student, "lab6/secondary", (-8.0, 5.0, 10.0))
    shift = [draw(student, f"lab6/shift {axis}", (-9.0, -6.0, 6.0, 9.0)) for axis in "xyz"]
    return angles, rigid_motion([2.0, -2.0, 1.0], shift) @ carm_pose(*angles, SOD)
