"""The frames of a view as a graph, and the transform between any two of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from ..camera import Camera, as_float64, make_transform, ras_from_lps, transform_points

if TYPE_CHECKING:
    import torchio

Frame = Literal["voxel", "lps", "ras", "world", "isocenter", "camera", "detector", "pixel"]
"""The names of the frames that :func:`target_from_source` knows."""
# The frames form a tree whose root is the world. The matrix of a frame leads to its parent, which is listed here.
_parent = {
    "voxel": "world",
    "lps": "world",
    "ras": "lps",
    "isocenter": "world",
    "camera": "world",
    "detector": "camera",
    "pixel": "detector",
}


def target_from_source(
    target: Frame,
    source: Frame,
    *,
    subject: torchio.Subject | None = None,
    camera: Camera | None = None,
    world_from_camera: Tensor | None = None,
    isocenter: Sequence[float] | Tensor = (0.0, 0.0, 0.0),
) -> Tensor:
    r"""The matrix between two frames of a view, for one CT, camera and pose.

    ============= ==================================================================================================
    ``voxel``     indices of ``subject.volume``, whole numbers at the centres of voxels
    ``lps``       the scanner's patient coordinates (DICOM): left, posterior, head; mm
    ``ras``       the same with x and y reversed (NIfTI): right, anterior, head; mm
    ``world``     axes of RAS, origin at the centre of the volume; mm
    ``isocenter`` axes of LPS, in which the positioner angles are given, origin at the C-arm's isocentre; mm
    ``camera``    x right and y down as seen from the source, z to the detector, origin at the source; mm
    ``detector``  homogeneous: mm on the detector, right and down in the *picture*, 0 at the principal point
    ``pixel``     homogeneous: (column, row), whole numbers at the centres of pixels, from 0
    ============= ==================================================================================================

    All matrices are 4 × 4. In the last two frames the third coordinate is the depth z along the optical axis, and the
    first two coordinates are multiplied by it: :math:`(z\,c, z\,r, z, 1)`. In this form K is an invertible 4 × 4 matrix
    and can be multiplied with the other matrices. Divide by the third coordinate at the end, as :func:`project_points`
    does.

    Parameters
    ----------
    target, source
        Names of the two frames, see the table.
    subject
        CT from :mod:`diffpose_nb.ct`. It is needed for ``voxel``, ``lps`` and ``ras``.
    camera
        Camera of the view. It is needed for ``detector`` and ``pixel``.
    world_from_camera
        (..., 4, 4) pose of the camera. It is needed for every transform that leads from the world to the camera, or
        back.
    isocenter
        (3,) the C-arm's isocentre in world coordinates, mm. It is used for ``isocenter`` only.

    Returns
    -------
    Tensor
        (..., 4, 4) float64. Gradients flow through the pose.

    Raises
    ------
    ValueError
        A frame is unknown, or an argument is missing that the transform needs.
    """
    for frame in (target, source):
        if frame not in get_args(Frame):
            raise ValueError(f"{frame!r} is no frame: there are {', '.join(get_args(Frame))}")

    def given(name: str, value: object) -> object:
        if value is None:
            raise ValueError(f"{target}_from_{source} cannot be computed without {name}: pass {name}=…")
        return value

    edges = {
        "voxel": lambda: as_float64(given("subject", subject).volume.affine),
        "lps": lambda: torch.linalg.inv(as_float64(given("subject", subject)["lps_from_world"])),
        "ras": lambda: ras_from_lps,
        "isocenter": lambda: make_transform(ras_from_lps[:3, :3], as_float64(isocenter)),
        "camera": lambda: as_float64(given("world_from_camera", world_from_camera)),
        "detector": lambda: torch.linalg.inv(_detector_from_camera(given("camera", camera))),
        "pixel": lambda: torch.linalg.inv(_pixel_from_detector(given("camera", camera))),
    }
    to_root, from_root = _path(target), _path(source)
    while to_root and from_root and to_root[-1] == from_root[-1]:  # the shared part of both paths cancels
        to_root.pop()
        from_root.pop()
    matrices = [torch.linalg.inv(edges[frame]()) for frame in to_root]
    matrices += [edges[frame]() for frame in reversed(from_root)]
    return reduce(torch.matmul, matrices, torch.eye(4, dtype=torch.float64))


def project_points(image_from_source: Tensor, points: Tensor) -> Tensor:
    """Project points (..., N, 3) of *source* to the frame ``detector`` or ``pixel``: (..., N, 2).

    The first two coordinates are divided by the depth.

    Parameters
    ----------
    image_from_source
        (..., 4, 4) from :func:`target_from_source`.
    points
        (..., N, 3) in coordinates of *source*.
    """
    homogeneous = transform_points(image_from_source, points)
    return homogeneous[..., :2] / homogeneous[..., 2:]


def _path(frame: str) -> list[str]:
    """The frame and its ancestors in the tree; the world, which is the root, is left out."""
    path = []
    while frame != "world":
        path.append(frame)
        frame = _parent[frame]
    return path


def _detector_from_camera(camera: Camera) -> Tensor:
    right = -camera.sid if camera.mirrored else camera.sid
    return torch.diag(torch.tensor([right, camera.sid, 1.0, 1.0], dtype=torch.float64))


def _pixel_from_detector(camera: Camera) -> Tensor:
    (row_spacing, column_spacing), (column, row) = camera.pixel_spacing, camera.principal_point
    matrix = torch.diag(torch.tensor([1 / column_spacing, 1 / row_spacing, 1.0, 1.0], dtype=torch.float64))
    matrix[:2, 2] = torch.tensor([column, row], dtype=torch.float64)
    return matrix
