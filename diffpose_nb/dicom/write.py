"""An X-ray to a DICOM file that others read, with its geometry in the tags."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite

from .enhanced import build_enhanced_xa
from .errors import DicomError
from .objects import build_dx, build_xa
from .xray import XRay

_builders = {"XA": build_xa, "Enhanced XA": build_enhanced_xa, "DX": build_dx}


def write_xray(path: str | os.PathLike[str], xray: XRay, kind: str = "XA") -> None:
    """Write an X-ray as a DICOM file: 16 bits a pixel, its nominal pose as positioner angles and distances.

    The same X-ray gives the same bytes. Patient, study and dates are made up; ``true_world_from_camera`` and
    ``notes`` are not written.

    Parameters
    ----------
    path
        The file to write; replaced in one step, so that a failure leaves an old one unharmed.
    xray
        What to write.
    kind
        "XA": X-Ray Angiographic Image (PS3.3 A.14), geometry as decimal strings, the isocentre in the image's centre.
        "Enhanced XA" (A.47): geometry in functional groups, distances and the isocentre's projection as 32-bit floats.
        "DX": Digital X-Ray Image for processing (A.26), geometry as decimal strings, the isocentre in the centre.

    Raises
    ------
    DicomError
        The kind is unknown, pixels are not finite, the object has no place for this geometry, or the path
        cannot be written.
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
    """Write beside the target, then put in place: a failure leaves what was there."""
    if path.is_dir():
        raise DicomError(f"{path}: this is a folder. Name a file in it.")
    if not path.parent.is_dir():
        raise DicomError(f"{path}: the folder {path.parent} does not exist. Make it first.")
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            temporary = Path(stream.name)
            dcmwrite(stream, dataset, enforce_file_format=True)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise DicomError(f"{path}: the system could not write it ({error.strerror}).") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
