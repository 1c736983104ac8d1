"""DICOM files to and from X-rays with their geometry.

A header is read with suspicion: what it lacks is asked for, what contradicts itself is refused, and what had to be
assumed is listed in the ``notes`` of the X-ray. Imports ``camera``, ``images`` and ``runtime``.
"""

from ..images import XRay
from .errors import DicomError, DicomGeometryError, NotAnXRay, UnreadableDicom
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
    "read_xray",
    "write_xray",
]
