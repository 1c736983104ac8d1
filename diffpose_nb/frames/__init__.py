"""Rigid transforms: one pose convention, and the bridges to it.

A transform is a 4x4 float64 tensor named ``target_from_source``. It maps the coordinates of a point
in *source* to its coordinates in *target*, and it composes by reading, left to right:
``pixel_from_camera @ camera_from_world @ world_from_voxel``. Leading dimensions are batches.

The frames that everything rests on (millimetres, right-handed; :func:`target_from_source` knows all eight):

LPS
    DICOM's patient frame: +x to the patient's left, +y to the back (posterior), +z to the head.
world
    RAS axes (+x right, +y front, +z head) with the origin at the centre of the CT volume.
camera
    Origin at the X-ray source; x right and y down *as seen from the source*; z towards the detector.
    ``world_from_camera`` is the pose of the C-arm. It is a proper rigid transform (determinant +1).

Each convention of another program has a module with both ways: ``from_x`` gives ``world_from_camera``, and the
:class:`~diffpose_nb.camera.Camera` with it where intrinsics are involved; ``to_x`` gives what *x* takes. A docstring
states the convention in four lines: axes and handedness, origin, what it maps, and the source.
"""

from .._rigid import (
    as_float64,
    carm_angles,
    carm_pose,
    exp_se3,
    invert,
    make_transform,
    ras_from_lps,
    rigid_motion,
    transform_points,
)
from .datasets import from_deepfluoro, from_ljubljana, to_deepfluoro, to_ljubljana
from .deepdrr import DeepDRRPose, from_deepdrr, to_deepdrr
from .diffdrr import exchange_mirror, from_diffdrr, to_diffdrr
from .diffpose import diffpose_isocenter_pose, diffpose_volume, from_diffpose, to_diffpose
from .graph import Frame, project_points, target_from_source
from .nanodrr import from_nanodrr, to_nanodrr
from .opencv import from_opencv, to_opencv
from .positions import Positions, from_positions, to_positions
from .rtk import RTKProjection, from_rtk, lps_from_iec, to_rtk
from .vtk import VTKCamera, from_vtk, to_vtk

__all__ = [
    "DeepDRRPose",
    "Frame",
    "Positions",
    "RTKProjection",
    "VTKCamera",
    "as_float64",
    "carm_angles",
    "carm_pose",
    "diffpose_isocenter_pose",
    "diffpose_volume",
    "exchange_mirror",
    "exp_se3",
    "from_deepdrr",
    "from_deepfluoro",
    "from_diffdrr",
    "from_diffpose",
    "from_ljubljana",
    "from_nanodrr",
    "from_opencv",
    "from_positions",
    "from_rtk",
    "from_vtk",
    "invert",
    "lps_from_iec",
    "make_transform",
    "project_points",
    "ras_from_lps",
    "rigid_motion",
    "target_from_source",
    "to_deepdrr",
    "to_deepfluoro",
    "to_diffdrr",
    "to_diffpose",
    "to_ljubljana",
    "to_nanodrr",
    "to_opencv",
    "to_positions",
    "to_rtk",
    "to_vtk",
    "transform_points",
]
