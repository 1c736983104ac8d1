"""One convention for poses, and the conversions from and to the conventions of other programs.

A transform is a 4x4 float64 tensor named ``target_from_source``. It maps the coordinates of a point
in *source* to its coordinates in *target*. In a product, equal names stand next to each other:
``pixel_from_camera @ camera_from_world @ world_from_voxel``. Leading dimensions are batch dimensions.

The most important frames are these three, in millimetres and right-handed (:func:`target_from_source` knows all eight):

LPS
    DICOM's patient frame: +x to the patient's left, +y to the back (posterior), +z to the head.
world
    RAS axes (+x right, +y front, +z head) with the origin at the centre of the CT volume.
camera
    Origin at the X-ray source; x right and y down *as seen from the source*; z towards the detector.
    ``world_from_camera`` is the pose of the C-arm. It is a proper rigid transform (determinant +1).

The convention of another program *x* has a module in :mod:`diffpose_nb.frames.programs` with both conversions.
``from_x`` returns ``world_from_camera``, together with the :class:`~diffpose_nb.camera.Camera` where intrinsics are
involved. ``to_x`` returns what *x* takes. A docstring states the convention in four lines: axes and handedness, origin,
what it maps, and the source of this information.

The functions for rigid transforms come from :mod:`diffpose_nb.camera` and can be imported from here too. This package
imports only ``camera``.
"""

from ..camera import (
    adjoint,
    as_float64,
    camera_axes,
    carm_angles,
    carm_pose,
    change_axes,
    exp_se3,
    invert,
    make_transform,
    moved,
    ras_from_lps,
    rigid_motion,
    transform_points,
)
from .graph import Frame, project_points, target_from_source
from .positions import Positions, from_positions, to_positions
from .programs.datasets import from_deepfluoro, from_ljubljana, to_deepfluoro, to_ljubljana
from .programs.deepdrr import DeepDRRPose, from_deepdrr, to_deepdrr
from .programs.diffdrr import exchange_mirror, from_diffdrr, to_diffdrr
from .programs.diffpose import diffpose_isocenter_pose, diffpose_volume, from_diffpose, to_diffpose
from .programs.nanodrr import from_nanodrr, to_nanodrr
from .programs.opencv import from_opencv, from_projection, to_opencv
from .programs.rtk import RTKProjection, from_rtk, lps_from_iec, to_rtk
from .programs.vtk import VTKCamera, from_vtk, to_vtk

__all__ = [
    "DeepDRRPose",
    "Frame",
    "Positions",
    "RTKProjection",
    "VTKCamera",
    "adjoint",
    "as_float64",
    "camera_axes",
    "carm_angles",
    "carm_pose",
    "change_axes",
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
    "from_projection",
    "from_rtk",
    "from_vtk",
    "invert",
    "lps_from_iec",
    "make_transform",
    "moved",
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
