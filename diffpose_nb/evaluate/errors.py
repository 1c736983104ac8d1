"""How far an estimated pose is from the true one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor

from ..camera import Camera, as_float64, invert, transform_points
from ..camera.rotations import roma

if TYPE_CHECKING:
    import pandas as pd


def mtre(estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame | Tensor) -> Tensor:
    r"""Mean target registration error in 3D, mm.

    The camera is the reference, and the anatomy moves. Both poses convert the landmarks p to camera coordinates, and
    the distances there are averaged over all landmarks that are given, also those outside the X-ray's field:

    .. math:: \frac1N \sum_p \lVert \hat X^{-1} p - X^{-1} p \rVert,\qquad X = \mathrm{world\_from\_camera}.

    Source: van de Kraats et al., IEEE TMI 2005.
    """
    points = _points(landmarks)
    return _mean_distance(
        transform_points(invert(as_float64(estimate)), points), transform_points(invert(as_float64(truth)), points)
    )


def mpe(estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame | Tensor, camera: Camera) -> Tensor:
    """Mean projection error: the mean distance, in mm at the detector, between a landmark's projections by both poses.

    A single view hardly shows an error in depth, and neither does this number.
    """
    points = _points(landmarks)
    row_spacing, column_spacing = camera.pixel_spacing
    scale = torch.tensor([column_spacing, row_spacing], dtype=torch.float64)
    return _mean_distance(scale * camera.project(points, estimate), scale * camera.project(points, truth))


def mrpd(estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame | Tensor) -> Tensor:
    """Mean reprojection distance in 3D: from each landmark under the estimated pose to the ray on which it truly lies.

    The distance is measured in the patient, so it is not magnified. An error along the ray, that is in depth, does not
    count.

    Source: van de Kraats et al., IEEE TMI 2005.
    """
    points = _points(landmarks)
    estimated, true = (transform_points(invert(as_float64(pose)), points) for pose in (estimate, truth))
    ray = torch.nn.functional.normalize(true, dim=-1)  # in camera coordinates rays start at the origin
    nearest = (estimated * ray).sum(-1, keepdim=True) * ray
    return _mean_distance(estimated, nearest)


def diffpose_error(
    estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame | Tensor, camera: Camera, factor: float = 1.0
) -> Tensor:
    """The error that DiffPose reports as mTRE (and xvr as mRPE): the distance between projections on two detectors.

    Each landmark is projected under both poses, each time onto the detector of that pose, and the two points are
    compared in world coordinates. An error in depth counts. A rotation of the camera about its optical axis does not
    count, and any other rotation about the source hardly counts.

    Parameters
    ----------
    factor
        Factor that multiplies the error. DiffPose's published evaluation multiplied this distance, which is already in
        mm, by the pixel spacing (0.194 for DeepFluoro, 0.154 for Ljubljana); its author has called this a mistake. Pass
        the factor only to compare with the numbers in the paper.
    """
    points = _points(landmarks)
    ends = []
    for pose in (as_float64(estimate), as_float64(truth)):
        in_camera = transform_points(invert(pose), points)
        ends.append(transform_points(pose, in_camera * camera.sid / in_camera[..., 2:]))
    return factor * _mean_distance(*ends)


class Geodesic(NamedTuple):
    """Distances between two poses, computed without landmarks; (...) float64 each.

    ``angle`` is in degrees. ``angular`` is the angle in radians times SID/2, in mm. ``translational`` is in mm.
    ``double`` is the root of the sum of the squares of ``angular`` and ``translational``, in mm.
    """

    angle: Tensor
    angular: Tensor
    translational: Tensor
    double: Tensor


def geodesic(
    estimate: Tensor, truth: Tensor, sid: float, convention: Literal["diffdrr", "diffpose", "source"] = "diffdrr"
) -> Geodesic:
    r"""Geodesic distances in SO(3) and SE(3), as DiffPose's loss and DiffDRR's ``DoubleGeodesicSE3`` compute them.

    .. math:: \theta = \lVert\log(R_1^\top R_2)\rVert,\qquad
              d = \sqrt{(\tfrac{\mathrm{SID}}{2}\theta)^2 + \lVert\Delta t\rVert^2}

    Parameters
    ----------
    sid
        Distance from the source to the detector, mm. Half of it converts the angle to a length.
    convention
        The point whose positions under both poses define the translation. Implementations use different points, so
        their numbers differ. "diffdrr" (0.6.1): the world's origin in the coordinates of each camera,
        :math:`R^\top t`. "diffpose" (DiffDRR 0.3.9): the point half-way between source and detector, in world
        coordinates. "source": the source, in world coordinates.
    """
    poses = as_float64(estimate), as_float64(truth)
    first, second = (pose[..., :3, :3] for pose in poses)
    radians = roma.rotmat_geodesic_distance(first, second)
    depth = {"diffdrr": None, "diffpose": sid / 2, "source": 0.0}
    if convention not in depth:
        raise ValueError(f"convention is {convention!r}: it can be {', '.join(map(repr, depth))}")
    if convention == "diffdrr":
        places = [invert(pose)[..., :3, 3] for pose in poses]
    else:
        places = [pose[..., :3, 3] + depth[convention] * pose[..., :3, 2] for pose in poses]
    angular, translational = sid / 2 * radians, (places[0] - places[1]).norm(dim=-1)
    return Geodesic(torch.rad2deg(radians), angular, translational, torch.hypot(angular, translational))


def _points(landmarks: pd.DataFrame | Tensor) -> Tensor:
    if not isinstance(landmarks, Tensor) and hasattr(landmarks, "columns"):
        landmarks = landmarks[["x", "y", "z"]].to_numpy(float, copy=True)
    return as_float64(landmarks)


def _mean_distance(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).norm(dim=-1).mean(-1)
