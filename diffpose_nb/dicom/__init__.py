"""DICOM files to and from X-rays with their geometry."""

from .errors import DicomError, DicomGeometryError, NotAnXRay, UnreadableDicom
from .read import read_xray
from .write import write_xray
from .xray import XRay

__all__ = [
    "DicomError",
    "DicomGeometryError",
    "NotAnXRay",
    "UnreadableDicom",
    "XRay",
    "read_xray",
    "write_xray",
]
