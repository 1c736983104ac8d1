"""All cameras of one patient around its CT, in one 3D scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyvista as pv
import torchio
from torch import Tensor

from .. import frames
from ..camera import Camera
from ..plots import BLUE, GREEN, ORANGE, PURPLE
from . import bones
from .stage import aim, quiet_vtk

_COLORS = (BLUE, ORANGE, GREEN, PURPLE)
_TRIANGLES = 4_000  # kept small, since a page contains them as text
_BONE, _GREY = "#E8DFC8", "#808080"  # the grey is legible on white and on the dark page, on which a browser draws
_AXES = {"L": (-1.0, 0.0, 0.0), "P": (0.0, -1.0, 0.0), "H": (0.0, 0.0, 1.0)}
"""Directions left, posterior and head, which are DICOM's patient axes, in the axes of the world (RAS)."""


def cameras(
    views: Mapping[str, Sequence[tuple[Camera, Tensor]]],
    patient: torchio.Subject | pv.PolyData,
    *,
    threshold: float | None = None,
    viewpoint: Sequence[float] = (-0.75, 0.6, -1.0),
    size: tuple[int, int] = (1200, 900),
) -> pv.Plotter:
    """Many cameras around one patient: each source as a ball, each detector as a frame, and the axis between them.

    The edge of the detector along which its first row runs is drawn thicker, so that the scene shows which way is up in
    each image.

    Parameters
    ----------
    views
        Group → cameras with their poses ``world_from_camera`` (4, 4). Each group, of at most four, has a colour: blue,
        orange, green, purple, in this order.
    patient
        The CT, of which :func:`diffpose_nb.scenes.bones.surface` makes a mesh; or a mesh, world mm.
    threshold
        Hounsfield units of the surface, in place of the bones'. For instance -200 for vessels that stand in air.
    viewpoint
        World direction from the patient to the viewer.
    size
        (width, height) of the picture, pixels.

    Returns
    -------
    pyvista.Plotter
        For :func:`diffpose_nb.scenes.live`, which lets the reader turn it, or :func:`diffpose_nb.scenes.png`.
    """
    mesh = patient if isinstance(patient, pv.PolyData) else _surface(patient, threshold)
    if mesh.n_cells > _TRIANGLES:
        mesh = mesh.decimate(1 - _TRIANGLES / mesh.n_cells)
    with quiet_vtk():
        plotter = pv.Plotter(off_screen=True, window_size=list(size), lighting="light kit")
    plotter.set_background("white")
    plotter.add_mesh(mesh, color=_BONE, smooth_shading=True, reset_camera=False)
    seen = [np.asarray(mesh.points, float)]
    for (_, group), color in zip(views.items(), _COLORS, strict=False):
        thin, thick, sources = _drawn(group)
        ball = pv.Sphere(radius=12, theta_resolution=10, phi_resolution=10)
        plotter.add_mesh(_tubes(thin, 1.2), color=color, lighting=False, reset_camera=False)
        plotter.add_mesh(_tubes(thick, 4.0), color=color, lighting=False, reset_camera=False)
        balls = pv.PolyData(sources).glyph(geom=ball, scale=False, orient=False)
        plotter.add_mesh(balls, color=color, reset_camera=False)
        seen += [sources, thick.reshape(-1, 3), thin.reshape(-1, 3)]
    for letter, direction in _AXES.items():
        _axis(plotter, letter, np.array(direction), float((mesh.points @ direction).max()) + 60, viewpoint)
    aim(plotter, np.concatenate(seen), viewpoint, room=size[0])
    return plotter


def _surface(subject: torchio.Subject, threshold: float | None) -> pv.PolyData:
    if threshold is None:
        return bones.surface(subject, _TRIANGLES)
    volume = subject["volume"]
    grid = pv.ImageData(dimensions=volume.spatial_shape)
    mesh = grid.contour([threshold], volume.data[0].numpy().flatten(order="F"), method="flying_edges")
    return mesh.transform(volume.affine, inplace=False)


def _drawn(group: Sequence[tuple[Camera, Tensor]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thin and thick lines (N, 2, 3), and the sources (M, 3), world mm."""
    thin, thick, sources = [], [], []
    for camera, pose in group:
        rows, columns = camera.shape
        last = [columns - 0.5, rows - 0.5]
        corners = [[-0.5, -0.5], [last[0], -0.5], last, [-0.5, last[1]], camera.principal_point]
        ends = frames.transform_points(pose, camera.detector_points(frames.as_float64(corners))).numpy()
        source = pose[:3, 3].numpy()
        thick.append(ends[[0, 1]])
        thin += [ends[[1, 2]], ends[[2, 3]], ends[[3, 0]], np.stack([source, ends[4]])]
        sources.append(source)
    return np.array(thin), np.array(thick), np.array(sources)


def _tubes(lines: np.ndarray, radius: float) -> pv.PolyData:
    """Lines (N, 2, 3) as tubes in one mesh, since WebGL draws every line one pixel wide."""
    cells = np.column_stack([np.full(len(lines), 2), np.arange(2 * len(lines)).reshape(-1, 2)])
    return pv.PolyData(lines.reshape(-1, 3), lines=cells.ravel()).tube(radius=radius, n_sides=5)


def _axis(plotter: pv.Plotter, letter: str, way: np.ndarray, reach: float, viewpoint: Sequence[float]) -> None:
    """An arrow from the origin and its letter, which faces the first viewpoint."""
    arrow = pv.Arrow(direction=way, scale=reach, tip_length=0.12, tip_radius=0.035, shaft_radius=0.012)
    plotter.add_mesh(arrow, color=_GREY, reset_camera=False)
    back = np.array(viewpoint, float) / np.linalg.norm(viewpoint)
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    text = pv.Text3D(letter, depth=0, height=42, center=(0, 0, 0))
    text.points = np.asarray(text.points) @ np.stack([right, np.cross(back, right), back]) + (reach + 38) * way
    plotter.add_mesh(text, color=_GREY, lighting=False, reset_camera=False)
