"""A view given by the positions of its source and detector; any other convention can be converted to this form."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..camera import Camera, as_float64, make_transform, transform_points

_orthonormal = 1e-4
"""Largest error of the dot products of the detector's two directions, which are perpendicular unit vectors."""


class Positions(NamedTuple):
    """The positions of a source and a flat detector.

    - Axes: the axes of the frame in which the numbers are given. That frame may be left-handed.
    - Origin: the origin of that frame.
    - Maps: nothing. The two positions are vectors (3,) in millimetres, the two directions are vectors (3,) of length 1.
    - Source: Hartley & Zisserman, *Multiple View Geometry*, section 6.1, for the camera that these vectors define.
    """

    source: Tensor
    """The position of the X-ray source's focal spot."""
    center: Tensor
    """The middle of the image (between the middle pixels if their number is even)."""
    columns: Tensor
    """The direction in which the column index increases."""
    rows: Tensor
    """The direction in which the row index increases."""


def from_positions(
    positions: Positions,
    pixel_spacing: tuple[float, float],
    shape: tuple[int, int],
    world_from_positions: Tensor | None = None,
) -> tuple[Camera, Tensor]:
    """The camera and the pose of a view that is given by the positions of its source and detector.

    The SID is the distance of the source from the detector's plane. The principal point is where the perpendicular from
    the source meets that plane. The image is mirrored if the cross product columns × rows points back to the source.

    Parameters
    ----------
    positions
        Source and detector in any frame whose unit is the millimetre.
    pixel_spacing
        (row spacing, column spacing) at the detector, mm.
    shape
        (rows, columns) of the image.
    world_from_positions
        (4, 4) transform from the positions' frame to the world; it may be a reflection. For patient LPS it is the
        inverse of the subject's ``lps_from_world``. Default: the positions are given in world coordinates. Positions in
        scanner coordinates without this matrix give a wrong pose and no error.

    Returns
    -------
    tuple of Camera and Tensor
        The camera and ``world_from_camera`` (4, 4).

    Raises
    ------
    ValueError
        The directions are not perpendicular unit vectors, or the source lies in the detector's plane.
    """
    source, center, columns, rows = (as_float64(value) for value in positions)
    if world_from_positions is not None:
        matrix = as_float64(world_from_positions)
        source, center = transform_points(matrix, torch.stack([source, center]))
        columns, rows = matrix[:3, :3] @ columns, matrix[:3, :3] @ rows
    products = torch.stack([columns @ columns - 1, rows @ rows - 1, columns @ rows])
    if not products.abs().max() < _orthonormal:
        raise ValueError(
            f"columns {columns.tolist()} and rows {rows.tolist()} in the world: the detector needs two perpendicular "
            "unit vectors"
        )
    normal = torch.linalg.cross(columns, rows)
    distance = ((center - source) @ normal).item()
    if not abs(distance) > 0:
        raise ValueError(f"the source {source.tolist()} lies in the plane of the detector at {center.tolist()}")
    mirrored = distance < 0
    forward = -normal if mirrored else normal
    offset = source - center
    (row_spacing, column_spacing), (height, width) = pixel_spacing, shape
    point = (
        (width - 1) / 2 + (offset @ columns).item() / column_spacing,
        (height - 1) / 2 + (offset @ rows).item() / row_spacing,
    )
    camera = Camera(abs(distance), pixel_spacing, shape, point, mirrored=mirrored)
    rotation = torch.stack([torch.linalg.cross(rows, forward), rows, forward], -1)
    return camera, make_transform(rotation, source)


def to_positions(camera: Camera, world_from_camera: Tensor, target_from_world: Tensor | None = None) -> Positions:
    """The positions of the source and detector of a view; the inverse of :func:`from_positions`.

    Parameters
    ----------
    camera, world_from_camera
        The camera of the view and its pose (4, 4).
    target_from_world
        (4, 4) transform from the world to the frame in which the positions are wanted, such as the subject's
        ``lps_from_world``. Default: the positions are returned in world coordinates.
    """
    pose = as_float64(world_from_camera)
    rows, columns = camera.shape
    middle = camera.detector_points(torch.tensor([[(columns - 1) / 2, (rows - 1) / 2]], dtype=torch.float64))
    center = transform_points(pose, middle)[0]
    right = -pose[:3, 0] if camera.mirrored else pose[:3, 0]
    if target_from_world is None:
        return Positions(pose[:3, 3], center, right, pose[:3, 1])
    matrix = as_float64(target_from_world)
    source, center = transform_points(matrix, torch.stack([pose[:3, 3], center]))
    return Positions(source, center, matrix[:3, :3] @ right, matrix[:3, :3] @ pose[:3, 1])
