"""Reading DICOM files as X-rays with their geometry, pictures that have no header, and writing X-rays as DICOM files.

The header of a file is not trusted. If a value is missing, the error asks for an argument; contradictory values are
refused; and every assumption is listed in the ``notes`` of the X-ray. This package imports ``camera``, ``images`` and
``runtime``.
"""

from ..images import XRay
from .errors import DicomError, DicomGeometryError, NotAnXRay, UnreadableDicom
from .picture import read_picture
from .read import read_xray
from .table import describe
from .writing.write import write_xray

__all__ = [
    "DicomError",
    "DicomGeometryError",
    "NotAnXRay",
    "UnreadableDicom",
    "XRay",
    "describe",
    "read_picture",
    "read_xray",
    "write_xray",
]
