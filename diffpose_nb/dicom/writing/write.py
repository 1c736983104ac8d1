"""Writing an X-ray to a DICOM file that other programs can read, with its geometry in the tags."""

from __future__ import annotations

import os
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite

from ...images import XRay
from ...runtime import written_whole
from ..errors import DicomError
from .enhanced import build_enhanced_xa
from .objects import build_dx, build_xa

_builders = {"XA": build_xa, "Enhanced XA": build_enhanced_xa, "DX": build_dx}


def write_xray(path: str | os.PathLike[str], xray: XRay, kind: str = "XA") -> None:
    """Write an X-ray as a DICOM file with 16 bits per pixel. The nominal pose becomes positioner angles and distances.

    The same X-ray always gives the same bytes. Patient, study and dates are made up. ``true_world_from_camera`` and
    ``notes`` are not written.

    Parameters
    ----------
    path
        The file to write. It is replaced in one step, so that a failure leaves an old file unchanged.
    xray
        The X-ray to write.
    kind
        Kind of DICOM object. "XA" is an X-Ray Angiographic Image (PS3.3 A.14): the geometry is written as decimal
        strings, and the isocentre has to project to the image's centre. "Enhanced XA" (A.47): the geometry is in
        functional groups, and the distance from the source to the isocentre and the isocentre's projection are 32-bit
        floats. "DX" is a Digital X-Ray Image for processing (A.26), with the geometry as in "XA".

    Raises
    ------
    DicomError
        The kind is unknown, pixels are not finite, the object cannot express this geometry, or the path cannot be
        written.
    """
    path = Path(path)
    if kind not in _builders:
        raise DicomError(f"{path}: kind is {kind!r}: {', '.join(map(repr, _builders))} can be written.")
    try:
        dataset = _builders[kind](xray)
    except DicomError as error:
        raise DicomError(f"{path}: {error}") from None
    _save(path, dataset)


def _save(path: Path, dataset: Dataset) -> None:
    """Write to a new file beside the target and then replace the target, so that a failure leaves it unchanged."""
    if path.is_dir():
        raise DicomError(f"{path}: this is a folder. Name a file in it.")
    if not path.parent.is_dir():
        raise DicomError(f"{path}: the folder {path.parent} does not exist. Make it first.")
    try:
        with written_whole(path) as stream:
            dcmwrite(stream, dataset, enforce_file_format=True)
    except OSError as error:
        raise DicomError(f"{path}: the system could not write it ({error.strerror}).") from None
