"""DICOM files to and from X-rays with their geometry."""

from .describe import describe
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
    "describe",
    "read_xray",
    "write_xray",
]
