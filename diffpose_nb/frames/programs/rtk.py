"""RTK: a pose is given by nine numbers for each projection of a circular scan."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...camera import Camera, as_float64, ras_from_lps
from ...camera.rotations import roma
from ..positions import Positions, from_positions, to_positions

lps_from_iec: Tensor = torch.tensor([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=torch.float64)
"""Transform (4, 4) from IEC 61217's fixed frame (x right for someone who faces the gantry, y to the gantry, z up) to
LPS, for a patient who lies on the back with the head to the gantry. Both frames have their origin at the isocentre."""


class RTKProjection(NamedTuple):
    """One projection of RTK's ``ThreeDCircularProjectionGeometry``, in the order of its ``AddProjection``.

    - Axes: those of IEC 61217's fixed frame, right-handed. y is the axis of the gantry's rotation, and z points up. In
      the rotated frame the image's columns increase along +x, its rows along +y, and the source is on the side of +z.
    - Origin: the isocentre, in both frames.
    - Maps: fixed = Ry(gantry) Rx(out of plane) Rz(in plane) rotated. In the rotated frame the source is at (source
      offset, SID), and the detector's own origin is at (projection offset, SID - SDD). RTK's SID is the distance from
      the source to the *isocentre*.
    - Source: RTK, documentation/docs/Geometry.md, "ThreeDCircularProjectionGeometry".

    Angles are in degrees, lengths in mm.
    """

    source_to_isocenter: float
    source_to_detector: float
    gantry_angle: float
    projection_offset_x: float = 0.0
    projection_offset_y: float = 0.0
    out_of_plane_angle: float = 0.0
    in_plane_angle: float = 0.0
    source_offset_x: float = 0.0
    source_offset_y: float = 0.0


def from_rtk(
    projection: RTKProjection,
    pixel_spacing: tuple[float, float],
    shape: tuple[int, int],
    origin: tuple[float, float],
    world_from_fixed: Tensor | None = None,
) -> tuple[Camera, Tensor]:
    """The camera and ``world_from_camera`` (4, 4) of a projection in RTK, see :class:`RTKProjection`.

    Parameters
    ----------
    projection
        The nine numbers of the projection.
    pixel_spacing, shape
        (row spacing, column spacing), mm, and (rows, columns) of the projection image.
    origin
        (x, y) of the first pixel's centre in the detector's own coordinates, mm: the projection image's ``Origin``.
    world_from_fixed
        (4, 4) transform from RTK's fixed frame to the world. Default: the patient lies on the back with the head to the
        gantry, and the isocentre is at the world's origin.
    """
    fixed_from_rotated = roma.euler_to_rotmat("YXZ", _angles(projection), degrees=True)
    source = as_float64([projection.source_offset_x, projection.source_offset_y, projection.source_to_isocenter])
    (rows, columns), (row_spacing, column_spacing) = shape, pixel_spacing
    center = as_float64(
        [
            projection.projection_offset_x + origin[0] + (columns - 1) / 2 * column_spacing,
            projection.projection_offset_y + origin[1] + (rows - 1) / 2 * row_spacing,
            projection.source_to_isocenter - projection.source_to_detector,
        ]
    )
    positions = Positions(
        fixed_from_rotated @ source, fixed_from_rotated @ center, fixed_from_rotated[:, 0], fixed_from_rotated[:, 1]
    )
    return from_positions(positions, pixel_spacing, shape, _world_from(world_from_fixed))


def to_rtk(
    camera: Camera, world_from_camera: Tensor, world_from_fixed: Tensor | None = None
) -> tuple[RTKProjection, tuple[float, float]]:
    """The projection for ``AddProjection``, and the origin of its image, mm; the inverse of :func:`from_rtk`.

    The projection offset is always zero, because the image's origin contains it.

    Raises
    ------
    ValueError
        The camera is not mirrored, but RTK sees the image from the detector. Use ``camera.flip()``, and flip the image.
    """
    if not camera.mirrored:
        raise ValueError("the camera is not mirrored, but RTK sees the image from the detector: flip camera and image")
    source, center, columns, rows = to_positions(
        camera, world_from_camera, torch.linalg.inv(_world_from(world_from_fixed))
    )
    rotation = torch.stack([columns, rows, torch.linalg.cross(columns, rows)], -1)
    gantry, out_of_plane, in_plane = roma.rotmat_to_euler("YXZ", rotation, degrees=True).tolist()
    (source_x, source_y, sid), (x, y, _) = (rotation.mT @ source).tolist(), (rotation.mT @ center).tolist()
    (height, width), (row_spacing, column_spacing) = camera.shape, camera.pixel_spacing
    projection = RTKProjection(sid, camera.sid, gantry, 0.0, 0.0, out_of_plane, in_plane, source_x, source_y)
    return projection, (x - (width - 1) / 2 * column_spacing, y - (height - 1) / 2 * row_spacing)


def _angles(projection: RTKProjection) -> Tensor:
    return as_float64([projection.gantry_angle, projection.out_of_plane_angle, projection.in_plane_angle])


def _world_from(world_from_fixed: Tensor | None) -> Tensor:
    return ras_from_lps @ lps_from_iec if world_from_fixed is None else as_float64(world_from_fixed)
