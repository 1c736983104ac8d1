"""How far an estimated pose is from the true one. Each error sees something else; say which one you report."""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor

from .camera import Camera
from .frames import as_float64, invert, transform_points


def mtre(estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame | Tensor) -> Tensor:
    r"""Mean target registration error in 3D, mm.

    The anatomy moves, the camera is the reference: landmarks are carried into camera coordinates by both poses,

    .. math:: \frac1N \sum_p \lVert \hat X^{-1} p - X^{-1} p \rVert,\qquad X = \mathrm{world\_from\_camera}.

    Parameters
    ----------
    estimate, truth
        ``world_from_camera`` (..., 4, 4).
    landmarks
        World mm: (N, 3), or a table with the columns x, y, z (:func:`diffpose_nb.ct.landmarks`).

    Returns
    -------
    Tensor
        (...) float64.

    Source: van de Kraats et al., IEEE TMI 2005.
    """
    points = _points(landmarks)
    return _mean_distance(
        transform_points(invert(as_float64(estimate)), points), transform_points(invert(as_float64(truth)), points)
    )


def mpe(estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame | Tensor, camera: Camera) -> Tensor:
    """Mean projection error at the detector, mm: the distance between landmarks as they are seen.

    One view hardly sees depth, and neither does this error. Arguments as for :func:`mtre`.
    """
    points = _points(landmarks)
    row_spacing, column_spacing = camera.pixel_spacing
    scale = torch.tensor([column_spacing, row_spacing], dtype=torch.float64)
    return _mean_distance(scale * camera.project(points, estimate), scale * camera.project(points, truth))


def _points(landmarks: pd.DataFrame | Tensor) -> Tensor:
    if isinstance(landmarks, pd.DataFrame):
        landmarks = landmarks[["x", "y", "z"]].to_numpy(float, copy=True)
    return as_float64(landmarks)


def _mean_distance(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).norm(dim=-1).mean(-1)
