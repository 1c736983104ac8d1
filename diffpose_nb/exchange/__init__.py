"""A pose in the files of other programs, and out of them: ITK, 3D Slicer, xvr, and a record of every convention.

:mod:`diffpose_nb.frames` converts matrices; this package reads and writes the files that hold them. It imports
``camera``, ``frames``, ``images``, ``ct`` and ``runtime``.
"""

from .itk import read_itk_transform, write_itk_transform
from .record import read_record, record_of
from .slicer import SlicerView, read_slicer_scene, write_slicer_scene
from .xvr import read_xvr, write_xvr

__all__ = [
    "SlicerView",
    "read_itk_transform",
    "read_record",
    "read_slicer_scene",
    "read_xvr",
    "record_of",
    "write_itk_transform",
    "write_slicer_scene",
    "write_xvr",
]
