"""Reading a DICOM file as an X-ray with its nominal pose."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..camera import Camera, carm_pose
from ..images import XRay
from .errors import DicomGeometryError
from .geometry.carm import read_geometry
from .geometry.orientation import find_mirror
from .groups import frame_scopes, note_unused_systems
from .header import Header, quiet_pydicom
from .opening import open_xray
from .pixels import count_frames, read_pixels


@quiet_pydicom()
def read_xray(
    path: str | os.PathLike[str],
    *,
    frame: int = 0,
    sid: float | None = None,
    sod: float | None = None,
    primary: float | None = None,
    secondary: float | None = None,
    pixel_spacing: Sequence[float] | None = None,
    principal_point: Sequence[float] | None = None,
    angles: bool = True,
) -> XRay:
    """Read a projection X-ray: pixels, camera and the nominal pose of its C-arm (PS3.3 C.8.7.5).

    It reads angiographic (XA) and radiofluoroscopic (XRF) images, their enhanced forms, and digital (DX) and computed
    (CR) radiographs. If Patient Orientation shows that an image is mirrored, the image is flipped, so that it is seen
    from the detector. An argument that is given overrides the file; where they disagree, a note says so.

    Parameters
    ----------
    path
        A DICOM file.
    frame
        Number of the frame to read from a multi-frame image, counted from 0.
    sid, sod
        Distances from the source to the detector and from the source to the isocentre, mm.
    primary, secondary
        Positioner angles of this frame, degrees; LAO and CRA are positive.
    pixel_spacing
        (row, column) spacing at the detector, mm.
    principal_point
        (column, row) to which the isocentre projects, in pixels of the image as it is stored, counted from 0.
    angles
        False: the angles are neither needed nor used, because the start comes from elsewhere, such as a network. The
        pose is then the frontal one, and Patient Orientation cannot tell whether the image is mirrored.

    Returns
    -------
    XRay
        The X-ray. Its world has RAS axes in mm and the C-arm's isocentre as origin. Its ``notes`` list all assumptions.

    Raises
    ------
    UnreadableDicom
        The file does not exist, is a folder, is not DICOM, is damaged, was cut off, or has no pixels.
    NotAnXRay
        The file is DICOM of something else.
    DicomGeometryError
        The geometry is missing, implausible or contradictory. The message lists every tag and argument that matters.
    DicomError
        There is no such frame.
    """
    dataset, kind = open_xray(path)
    frames = count_frames(path, dataset, frame)
    header = Header(frame_scopes(dataset, frame))
    pixels = read_pixels(path, dataset, header, kind, frame, frames)
    shape = tuple(pixels.values.shape)
    geometry = read_geometry(
        header,
        shape,
        frame=frame,
        frames=frames,
        sid=sid,
        sod=sod,
        primary=primary,
        secondary=secondary,
        pixel_spacing=pixel_spacing,
        principal_point=principal_point,
        angles=angles,
    )
    if geometry is None:
        raise DicomGeometryError(path, header.problems)
    pose = carm_pose(geometry.primary, geometry.secondary, geometry.sod)
    mirror = find_mirror(header, pose, primary is not None and secondary is not None) if angles else ""
    if header.problems:
        raise DicomGeometryError(path, header.problems)
    note_unused_systems(header)
    column, row = geometry.principal_point
    values = pixels.values
    if mirror == "columns":
        values, column = values.flip(1), shape[1] - 1 - column
    elif mirror == "rows":
        values, row = values.flip(0), shape[0] - 1 - row
    world = (
        "World: the C-arm's isocentre is taken to be the world's origin, and the patient not to have moved; "
        "a DICOM file does not know where the CT was taken."
    )
    return XRay(
        pixels=values,
        camera=Camera(geometry.sid, geometry.pixel_spacing, shape, (column, row)),
        world_from_camera=pose,
        relationship=pixels.relationship,
        sign=pixels.sign,
        notes=[world, *header.notes],
    )
