"""VTK and PyVista: a pose is given by a camera that looks at a focal point."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ...camera import Camera, as_float64, make_transform


class VTKCamera(NamedTuple):
    """The five settings of a ``vtkCamera`` (PyVista: ``plotter.camera``).

    - Axes: the world's axes, right-handed. The picture has x to the right and y *up*, and VTK looks along its camera's
      -z axis.
    - Origin: the world's origin.
    - Maps: nothing. Points are in mm, the angle is in degrees, and the window centre is in fractions of half the
      window.
    - Source: VTK, class vtkCamera (SetViewAngle, SetWindowCenter, GetProjectionTransformMatrix).
    """

    position: tuple[float, float, float]
    """The X-ray source."""
    focal_point: tuple[float, float, float]
    """A point straight ahead; :func:`to_vtk` gives the point where the perpendicular meets the detector."""
    view_up: tuple[float, float, float]
    """The direction that points up in the picture, opposite to increasing rows."""
    view_angle: float
    """The angle, in degrees, that the window's height covers as seen from the position, if the window is centred."""
    window_center: tuple[float, float]
    """(x, y) of the window's middle relative to the optical axis, in units of half its width and height; y is up."""


def to_vtk(camera: Camera, world_from_camera: Tensor) -> VTKCamera:
    """The VTK camera that shows what reaches the detector, in a window with the detector's proportions.

    VTK looks from the source and cannot mirror a picture. The picture of a mirrored camera is therefore drawn flipped
    left to right; the picture of a camera that is not mirrored is drawn as it is.

    Parameters
    ----------
    camera, world_from_camera
        The camera of the view and its pose (4, 4).
    """
    camera = camera.flip() if camera.mirrored else camera
    pose = as_float64(world_from_camera).detach()
    (rows, columns), (column, row) = camera.shape, camera.principal_point
    source, forward = pose[:3, 3], pose[:3, 2]
    return VTKCamera(
        tuple(source.tolist()),
        tuple((source + camera.sid * forward).tolist()),
        tuple((-pose[:3, 1]).tolist()),
        2 * math.degrees(math.atan(rows * camera.pixel_spacing[0] / 2 / camera.sid)),
        (1 - (2 * column + 1) / columns, (2 * row + 1) / rows - 1),
    )


def from_vtk(view: VTKCamera, shape: tuple[int, int], sid: float | None = None) -> tuple[Camera, Tensor]:
    """The camera, not mirrored and with square pixels, and ``world_from_camera`` (4, 4) of a VTK camera.

    Parameters
    ----------
    view
        The VTK camera: position, focal point, view up, view angle and window centre.
    shape
        (rows, columns) of the window.
    sid
        Distance from the source to the detector, mm. It sets the scale, which a VTK camera does not have. Default: the
        distance from the position to the focal point.

    Raises
    ------
    ValueError
        The position equals the focal point, or the view-up direction lies along the line of sight.
    """
    position, focal_point, up = (as_float64(view[i]) for i in range(3))
    forward = focal_point - position
    distance = torch.linalg.norm(forward)
    right = torch.linalg.cross(forward, up)
    if not torch.linalg.norm(right) > 1e-9 * distance * torch.linalg.norm(up):
        raise ValueError(f"position {view[0]}, focal point {view[1]}, view up {view[2]}: they give no direction of up")
    forward, right = forward / distance, right / torch.linalg.norm(right)
    sid = distance.item() if sid is None else sid
    rows, columns = shape
    spacing = 2 * sid * math.tan(math.radians(view.view_angle) / 2) / rows
    x, y = view.window_center
    point = ((columns * (1 - x) - 1) / 2, (rows * (1 + y) - 1) / 2)
    camera = Camera(sid, (spacing, spacing), shape, point, mirrored=False)
    return camera, make_transform(torch.stack([right, torch.linalg.cross(forward, right), forward], -1), position)
