"""A C-arm that goes from pose to pose around one patient, as a 3D scene that the reader can turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
import PIL.Image
import pyvista as pv
from torch import Tensor

from ..images import XRay
from ..plots import BLUE, ORANGE
from . import bones
from .page import Label, page
from .stage import aim, detector, on_detector, placement, quiet_vtk

_GREEN, _DARK, _BONE, _RED = "#009E73", "#333333", "#E8DFC8", "#D55E00"
_TRIANGLES = 2_500  # kept small, since the page contains them as text
_STILL = 400  # pixels along the longer side of a still picture
_TABLE = 0.45  # of a table's length lies beyond the anatomy, half at either end
_LPS = {"L": (-1.0, 0.0, 0.0), "P": (0.0, -1.0, 0.0), "H": (0.0, 0.0, 1.0)}
"""Directions left, posterior and head, which are DICOM's patient axes, in the axes of the world (RAS)."""


def interactive(
    xrays: Sequence[XRay],
    mesh: pv.PolyData | None = None,
    *,
    highlight: pv.PolyData | None = None,
    origins: Mapping[str, Tensor] | None = None,
    viewpoint: Sequence[float] = (-0.75, 0.6, -1.0),
    size: int = 640,
) -> str:
    """An HTML page with a 3D scene that the reader can turn: one C-arm after another around the same patient.

    Pass it as the argument ``scene`` of :func:`diffpose_nb.widgets.stepper`, whose slider chooses the step.

    The bones on their table and the patient's axes L, P and H are always shown. Each step adds the source, the beam as
    a cone, the detector with its image, and the axes of the camera at the source: x in orange, y in green, z in blue.
    Table, source and detector have their names beside them.

    Parameters
    ----------
    xrays
        One X-ray for each step.
    mesh
        The patient, world mm; by default :func:`diffpose_nb.scenes.bones.example`. It is reduced to about 2500
        triangles.
    highlight
        A part of the patient to draw in red, world mm.
    origins
        Name of a frame → ``world_from_frame`` (4, 4). The axes x, y and z of these frames are drawn in grey from their
        origins.
    viewpoint
        World direction from the patient to the viewer, until the reader turns the scene.
    size
        Width and height at which the stills are drawn, pixels. They are shown in browsers without WebGL, reduced to at
        most 400 pixels.

    Returns
    -------
    str
        The text of the page, about 1.5 MB. The page loads nothing from the web.
    """
    mesh = bones.example() if mesh is None else mesh
    if mesh.n_cells > _TRIANGLES:
        mesh = mesh.decimate(1 - _TRIANGLES / mesh.n_cells)
    with quiet_vtk():
        plotter = pv.Plotter(off_screen=True, window_size=[size, size], lighting="light kit")
    plotter.set_background("white")
    stage = _Stage(plotter)
    stage.add(mesh, color=_BONE, smooth_shading=True)
    _draw_table(stage, mesh)
    if highlight is not None:
        stage.add(highlight, color=_RED)
    for name, direction in _LPS.items():
        reach = float((mesh.points @ direction).max()) + 110
        stage.arrow(np.zeros(3), reach * np.array(direction), _DARK, name)
    for name, matrix in (origins or {}).items():
        frame = np.asarray(matrix, float)
        stage.add(pv.Sphere(radius=14, center=frame[:3, 3], theta_resolution=16, phi_resolution=16), color="#777777")
        for axis, letter in enumerate("xyz"):
            stage.arrow(frame[:3, 3], frame[:3, 3] + 190 * frame[:3, axis], "#777777", letter)
        stage.name(name, frame[:3, 3], "#777777")
    steps = []
    for xray in xrays:
        first = len(plotter.renderer.actors)
        stage.step = len(steps)
        _draw_carm(stage, xray)
        steps.append((first, len(plotter.renderer.actors)))
    aim(plotter, np.concatenate(stage.points), viewpoint, room=size)
    groups = [range(*step) for step in steps]
    stills = [_still(plotter, groups, n) for n in range(len(steps))]
    for actor in plotter.renderer.actors.values():
        actor.SetVisibility(True)
    html = page(plotter, groups, stage.labels, stills, patient=True, dark=stage.dark)
    plotter.close()
    return html


class _Stage:
    """A plotter that remembers which points have to be in view, what has a name, and what is dark.

    ``step`` is the step that is being drawn, None for what every step shows.
    """

    def __init__(self, plotter: pv.Plotter) -> None:
        self.plotter = plotter
        self.points: list[np.ndarray] = []
        self.labels: list[Label] = []
        self.dark: list[int] = []
        self.step: int | None = None

    def add(self, mesh: pv.PolyData, **kwargs: object) -> pv.Actor:
        self.points.append(np.asarray(mesh.points, float))
        if kwargs.get("color") == _DARK:
            self.dark.append(len(self.plotter.renderer.actors))
        return self.plotter.add_mesh(mesh, reset_camera=False, **kwargs)

    def line(self, start: np.ndarray, end: np.ndarray, color: str, radius: float) -> None:
        """Draw a line as a tube, since WebGL draws every line one pixel wide. ``radius`` is in mm."""
        self.add(pv.Line(start, end).tube(radius=radius, n_sides=8), color=color, lighting=False)

    def arrow(self, start: np.ndarray, end: np.ndarray, color: str, letter: str) -> None:
        length = float(np.linalg.norm(end - start))
        way = (end - start) / length
        arrow = pv.Arrow(
            start=start,
            direction=way,
            scale=length,
            shaft_radius=4.5 / length,
            tip_radius=15 / length,
            tip_length=42 / length,
            shaft_resolution=10,
            tip_resolution=14,
        )
        self.add(arrow, color=color)
        self.labels.append(Label(letter, _place(end + 40 * way), color, self.step))
        self.points.append((end + 60 * way)[None])

    def name(self, text: str, place: np.ndarray, color: str) -> None:
        self.labels.append(Label(text, _place(place), color, self.step, beside=True))


def _place(point: np.ndarray) -> tuple[float, float, float]:
    x, y, z = np.round(point, 1).tolist()
    return x, y, z


def _draw_table(stage: _Stage, mesh: pv.PolyData) -> None:
    left, right, back, _, feet, head = mesh.bounds
    more = _TABLE * (head - feet) / 2
    table = pv.Box((left - 50, right + 50, back - 45, back - 30, feet - more, head + more))
    stage.add(table, color="#8899AA", opacity=0.3)
    stage.name("table", np.array([left - 50, back - 38, feet - more]), "#5B6B7C")


def _draw_carm(stage: _Stage, xray: XRay) -> None:
    source, axes, _ = placement(xray)
    rectangle, texture = detector(xray)
    corners = np.asarray(rectangle.points, float)
    stage.add(rectangle, texture=texture, lighting=False)
    for corner, neighbour in zip(corners, np.roll(corners, -1, 0), strict=True):
        stage.line(corner, neighbour, BLUE, 4)
        stage.line(source, corner, BLUE, 1.5)
    sides = [v for k in range(4) for v in (3, 0, 1 + k, 1 + (k + 1) % 4)]
    stage.add(pv.PolyData(np.vstack([source, corners]), faces=sides), color=BLUE, opacity=0.1, lighting=False)
    principal = on_detector(xray, [xray.camera.principal_point])[0]
    stage.line(source, principal, _DARK, 2)
    stage.add(pv.Sphere(radius=20, center=source, theta_resolution=18, phi_resolution=18), color=BLUE)
    for axis, color, letter in zip(axes.T, (ORANGE, _GREEN, BLUE), "xyz", strict=True):
        stage.arrow(source, source + 200 * axis, color, letter)
    stage.name("source", source, BLUE)
    stage.name("detector", corners[np.argmax(corners[:, 1])], BLUE)


def _still(plotter: pv.Plotter, groups: Sequence[range], step: int) -> bytes:
    actors = list(plotter.renderer.actors.values())
    for n, group in enumerate(groups):
        for k in group:
            actors[k].SetVisibility(n == step)
    with quiet_vtk():
        plotter.render()
        image = plotter.screenshot(return_img=True)
    packed = BytesIO()
    small = PIL.Image.fromarray(image)
    small.thumbnail((_STILL, _STILL))
    small.save(packed, "jpeg", quality=75)
    return packed.getvalue()
