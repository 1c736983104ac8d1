"""What every 3D scene needs: the detector with its image, a viewer who sees everything, and still pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyvista as pv
from vtkmodules.vtkCommonCore import vtkLogger

from .. import frames
from ..images import XRay

UP = np.array([0.0, 1.0, 0.0])
"""World direction that is up in a scene. It is the patient's front, since the patient lies on the back."""
_view_angle = 16.0  # degrees: so narrow that parallel lines look almost parallel


def detector(xray: XRay) -> tuple[pv.PolyData, pv.Texture]:
    """The detector as a rectangle in world mm, and the X-ray as the texture of this rectangle.

    The rectangle reaches to the edges of the outermost pixels, half a pixel beyond their centres.
    """
    rows, columns = xray.camera.shape
    corners = [[-0.5, rows - 0.5], [columns - 0.5, rows - 0.5], [columns - 0.5, -0.5], [-0.5, -0.5]]
    rectangle = pv.PolyData(on_detector(xray, corners), faces=[4, 0, 1, 2, 3])
    # a texture's origin is at the bottom left; pyvista.Texture puts an array's first row at the top
    rectangle.active_texture_coordinates = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    values = xray.pixels.numpy()
    low, high = np.quantile(values, (0.005, 0.995))
    grey = (255 * np.clip((values - low) / max(high - low, 1e-12), 0, 1)).astype(np.uint8)
    return rectangle, pv.Texture(np.repeat(grey[..., None], 3, axis=-1))


def placement(xray: XRay) -> tuple[np.ndarray, np.ndarray, float]:
    """Where an X-ray's source is (3,), the camera's axes as the columns of (3, 3), and the SOD; all in world mm."""
    pose = xray.world_from_camera.numpy()
    return pose[:3, 3], pose[:3, :3], float(-pose[:3, 3] @ pose[:3, 2])


def on_detector(xray: XRay, pixels: Sequence[Sequence[float]]) -> np.ndarray:
    """Places (N, 3) on the detector, world mm, of pixels (N, 2) as (column, row)."""
    in_camera = xray.camera.detector_points(frames.as_float64(pixels))
    return frames.transform_points(xray.world_from_camera, in_camera).numpy()


def aim(
    plotter: pv.Plotter, points: np.ndarray, viewpoint: Sequence[float], room: float
) -> Callable[[np.ndarray], np.ndarray]:
    """Place the viewer so that all points are in the picture and fill it.

    Parameters
    ----------
    plotter
        The scene whose camera is placed.
    points
        (N, 3) points to keep in view, world mm.
    viewpoint
        World direction from the points to the viewer.
    room
        Width of the middle part of the picture that the points have to stay within, pixels.

    Returns
    -------
    Callable
        Function from points (N, 3), world mm, to pixels (N, 2) from the bottom left of the picture.
    """
    towards = np.array(viewpoint, float) / np.linalg.norm(viewpoint)
    up = UP if abs(towards @ UP) < 0.99 else np.array([0.0, 0.0, 1.0])
    right = np.cross(up, towards) / np.linalg.norm(np.cross(up, towards))
    axes = np.stack([right, np.cross(towards, right), towards], axis=1)
    width, height = plotter.window_size
    slope = np.tan(np.deg2rad(_view_angle / 2)) * 0.96  # leaves a narrow rim around the points
    flat = points @ axes
    middle = (flat.min(0) + flat.max(0)) / 2
    x, y, depth = (flat - middle).T
    distance = (np.maximum(np.abs(x) * height / room, np.abs(y)) / slope + depth).max()
    plotter.camera.view_angle = _view_angle
    plotter.camera.focal_point = axes @ middle
    plotter.camera.position = axes @ middle + distance * towards
    plotter.camera.up = axes[:, 1]
    plotter.reset_camera_clipping_range()

    def project(points: np.ndarray) -> np.ndarray:
        x, y, depth = (points @ axes - middle).T
        scale = height / 2 / np.tan(np.deg2rad(_view_angle / 2)) / (distance - depth)
        return np.stack([width / 2 + scale * x, height / 2 + scale * y], axis=1)

    return project


def still(plotter: pv.Plotter) -> np.ndarray:
    """The picture of a scene, (rows, columns, 3) bytes. The plotter is closed."""
    with quiet_vtk():
        image = plotter.screenshot(return_img=True)
    plotter.close()
    return image


def trim(stills: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Crop all stills to the same part: where at least one of them is not white, with a margin of 8 pixels."""
    drawn = np.any([still.min(-1) < 250 for still in stills], axis=0)
    rows, columns = (np.flatnonzero(drawn.any(axis)) for axis in (1, 0))
    window = tuple(slice(max(place[0] - 8, 0), place[-1] + 9) for place in (rows, columns))
    return [still[window] for still in stills]


@contextlib.contextmanager
def quiet_vtk() -> Iterator[None]:
    """Hide the warnings of VTK; errors are still printed.

    On a machine without a display VTK first tries an X server, warns on stderr that there is none, and then works
    without it. The warning would only confuse the reader.
    """
    before = vtkLogger.GetCurrentVerbosityCutoff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    try:
        yield
    finally:
        vtkLogger.SetStderrVerbosity(before)
