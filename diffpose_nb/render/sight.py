"""Is the CT in sight of the C-arm: between source and detector, and within the image?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera, as_float64, invert, transform_points

if TYPE_CHECKING:
    import torchio

_POINTS = 12
"""Along each axis of the CT."""
_BESIDE = "the CT lies wholly outside the X-ray's field"


def out_of_sight(
    subject: torchio.Subject, camera: Camera, world_from_camera: Tensor, *, sideways: bool = True
) -> str | None:
    """Why nothing of the CT can be seen from a pose, in words, and what may be wrong; None if something can.

    Parameters
    ----------
    world_from_camera
        (4, 4).
    sideways
        Whether a CT beside the field counts too, or only one behind the source or beyond the detector.
    """
    what = _where(subject, camera, as_float64(world_from_camera))
    if what is None or (what is _BESIDE and not sideways):
        return None
    if _where(subject, camera, invert(as_float64(world_from_camera))) is None:
        return (
            f"{what}, but with the inverse of this pose it would be seen: was camera_from_world given? "
            "Pass diffpose_nb.frames.invert(pose)"
        )
    return f"{what}; check the pose with diffpose_nb.conventions.rank, and the SID"


def _where(subject: torchio.Subject, camera: Camera, pose: Tensor) -> str | None:
    """The sentence's first half, by points spread evenly through the CT."""
    density = subject["density"]
    voxels = [torch.linspace(-0.5, n - 0.5, _POINTS, dtype=torch.float64) for n in density.spatial_shape]
    points = transform_points(torch.from_numpy(np.asarray(density.affine, float)), torch.cartesian_prod(*voxels))
    depth = transform_points(invert(pose), points)[:, 2]
    if (problem := _beyond(depth, camera)) is not None:
        return problem
    between = (depth > 0) & (depth < camera.sid)
    apart = (points[0] - points[-1]).norm() / (_POINTS - 1)  # what lies between two points may be seen, too
    margin = apart * camera.sid / depth[between, None].clamp(min=1.0) / torch.tensor(camera.pixel_spacing[::-1])
    pixels = camera.project(points[between], pose)
    limits = torch.tensor(camera.shape[::-1]) - 0.5
    return None if ((pixels > -0.5 - margin) & (pixels < limits + margin)).all(1).any() else _BESIDE


def beyond_the_ends(subject: torchio.Subject, camera: Camera, world_from_camera: Tensor) -> str | None:
    """Whether the whole CT lies behind the source or beyond the detector, in words; None if it does not."""
    density = subject["density"]
    voxels = torch.cartesian_prod(*(torch.tensor([-0.5, n - 0.5], dtype=torch.float64) for n in density.spatial_shape))
    corners = transform_points(torch.from_numpy(np.asarray(density.affine, float)), voxels)
    return _beyond(transform_points(invert(as_float64(world_from_camera)), corners)[:, 2], camera)


def _beyond(depth: Tensor, camera: Camera) -> str | None:
    """By the depths of points of the CT."""
    if (depth <= 0).all():
        return "the CT lies behind the source"
    if (depth >= camera.sid).all():
        return f"the detector ({camera.sid:g} mm from the source) is nearer than the CT ({depth.min():.0f} mm and more)"
    return None
