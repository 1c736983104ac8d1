"""A pinhole camera, its pose, and small motions of the pose.

:class:`Camera` holds the intrinsics. A pose is a 4 x 4 float64 tensor ``world_from_camera``. A small motion of a pose
is a twist: six numbers, the rotation first. The other packages build on this one, so it imports none of them.
"""

from .carm import carm_angles, carm_pose
from .pinhole import Camera
from .rigid import as_float64, invert, make_transform, ras_from_lps, rigid_motion, transform_points
from .twists import LEVER, adjoint, apart, camera_axes, change_axes, exp_se3, moved
from .two_views import epipolar_distances, fundamental_matrix, triangulate

__all__ = [
    "LEVER",
    "Camera",
    "adjoint",
    "apart",
    "as_float64",
    "camera_axes",
    "carm_angles",
    "carm_pose",
    "change_axes",
    "epipolar_distances",
    "exp_se3",
    "fundamental_matrix",
    "invert",
    "make_transform",
    "moved",
    "ras_from_lps",
    "rigid_motion",
    "transform_points",
    "triangulate",
]
