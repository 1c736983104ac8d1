"""Two X-rays of one thing at one time: epipolar lines, and points that are seen in both."""

from __future__ import annotations

import torch
from torch import Tensor

from .pinhole import Camera
from .rigid import as_float64, invert


def fundamental_matrix(cameras: tuple[Camera, Camera], world_from_cameras: tuple[Tensor, Tensor] | Tensor) -> Tensor:
    r"""The matrix that turns a pixel of the first image into its epipolar line in the second.

    A point in space that the first camera sees at :math:`p` lies on a ray. The second camera sees this ray as the line
    :math:`\ell = F p`, the epipolar line, so that the point's pixel :math:`q` there has :math:`q^\top F p = 0`. With
    :math:`R, t` of ``second_from_first``,

    .. math:: F = K_2^{-\top}\,[t]_\times R\,K_1^{-1}

    (Hartley and Zisserman, Multiple View Geometry, 2nd edition, section 9.2).

    Parameters
    ----------
    cameras
        The two cameras.
    world_from_cameras
        (2, 4, 4) their poses.

    Returns
    -------
    Tensor
        (3, 3) float64, for homogeneous (column, row, 1).
    """
    first, second = (as_float64(pose) for pose in world_from_cameras)
    second_from_first = invert(second) @ first
    x, y, z = second_from_first[:3, 3].tolist()
    cross = torch.tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]], dtype=torch.float64)
    inverse_first, inverse_second = (torch.linalg.inv(camera.K) for camera in cameras)
    return inverse_second.mT @ cross @ second_from_first[:3, :3] @ inverse_first


def epipolar_distances(first: Tensor, second: Tensor, fundamental: Tensor) -> Tensor:
    """How far pixels of the second image lie from the epipolar lines of pixels of the first, in pixels, with sign.

    Parameters
    ----------
    first, second
        (N, 2) and (M, 2) pixels as (column, row).
    fundamental
        (3, 3) from :func:`fundamental_matrix`.

    Returns
    -------
    Tensor
        (N, M) float64.
    """
    one = torch.nn.functional.pad
    lines = one(as_float64(first), (0, 1), value=1.0) @ fundamental.mT
    return lines @ one(as_float64(second), (0, 1), value=1.0).mT / lines[:, :2].norm(dim=1, keepdim=True)


def triangulate(
    cameras: tuple[Camera, Camera], world_from_cameras: tuple[Tensor, Tensor] | Tensor, pixels: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """The points where the rays of two images come nearest each other.

    Parameters
    ----------
    cameras
        The two cameras.
    world_from_cameras
        (2, 4, 4) their poses.
    pixels
        (N, 2) as (column, row) in each image; those of one row belong to one point.

    Returns
    -------
    (Tensor, Tensor)
        (N, 3) world mm, half-way between the two rays, and (N,) the distance of the rays there, mm.
    """
    sources, runs = [], []
    for camera, pose, seen in zip(cameras, world_from_cameras, pixels, strict=True):
        start, end = camera.rays(as_float64(pose), as_float64(seen))
        sources.append(start)
        runs.append(torch.nn.functional.normalize(end - start, dim=-1))
    across = torch.linalg.cross(runs[0], runs[1])
    # first source + a first run + gap = second source + b second run, with the gap across both
    matrix = torch.stack([runs[0], -runs[1], across], -1)
    a, b, gap = torch.linalg.solve(matrix, sources[1] - sources[0]).unbind(-1)
    nearest = [source + length[:, None] * run for source, length, run in zip(sources, (a, b), runs, strict=True)]
    return (nearest[0] + nearest[1]) / 2, gap.abs() * across.norm(dim=-1)
