"""Bones and the fluoroscopes that look at them, in one 3D scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyvista as pv
import torch

from ..images import XRay
from ..plots import BLUE, ORANGE
from .shapes import add_line
from .stage import aim, detector, quiet_vtk

_UPRIGHT = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))
"""From a fluoroscope's frame, in which y runs down as the rows of its images do, to a scene in which y is up."""


def fluoroscopes(
    bones: Sequence[tuple[pv.PolyData, str]],
    xrays: Sequence[XRay] = (),
    *,
    motion: tuple[np.ndarray, np.ndarray] | None = None,
    viewpoint: Sequence[float] | None = None,
    size: tuple[int, int] = (1200, 900),
) -> pv.Plotter:
    """Bones where a registration puts them, with the fluoroscopes that look at them.

    Everything is in the fluoroscopes' common frame, mm, in which y runs down, as rows of the images do.

    Parameters
    ----------
    bones
        Meshes, each with its colour.
    xrays
        Images with their poses in that frame. Each is drawn on its detector, with the beam from its source.
    motion
        Points (N, 3) and how far they move (N, 3): drawn as arrows.
    viewpoint
        Direction from the bones to the viewer, in the axes of the frame after a turn by 180° about x. By default the
        viewer stands between the sources, a little above them, so that no detector hides the bones.
    size
        (width, height) of the picture, pixels.

    Returns
    -------
    pyvista.Plotter
        A plotter without a window. :func:`diffpose_nb.scenes.png` makes a picture of it.
    """
    with quiet_vtk():
        plotter = pv.Plotter(off_screen=True, window_size=list(size), lighting="light kit")
    plotter.set_background("white")
    turn = _UPRIGHT.numpy()
    seen = []
    for mesh, color in bones:
        upright = mesh.transform(turn, inplace=False)
        plotter.add_mesh(upright, color=color, smooth_shading=True, reset_camera=False)
        seen.append(np.asarray(upright.points, float))
    beams = [_UPRIGHT @ xray.world_from_camera for xray in xrays]
    for xray, beam in zip(xrays, beams, strict=True):
        seen.append(_draw_beam(plotter, replace(xray, world_from_camera=beam)))
    if motion is not None:
        places, vectors = (np.asarray(array, float) @ turn[:3, :3].T for array in motion)
        cloud = pv.PolyData(places)
        cloud["motion"] = vectors
        arrows = cloud.glyph(orient="motion", scale="motion", factor=1.0, geom=pv.Arrow(shaft_radius=0.04))
        plotter.add_mesh(arrows, color=ORANGE, reset_camera=False, show_scalar_bar=False)
        seen += [places, places + vectors]
    aim(plotter, np.concatenate(seen), _before(beams) if viewpoint is None else viewpoint, room=size[0])
    plotter.enable_anti_aliasing("msaa", multi_samples=8)
    return plotter


def _before(beams: Sequence[torch.Tensor]) -> np.ndarray:
    """The direction to a viewer who has the sources of beams (4, 4) at both sides."""
    if not beams:
        return np.array([-0.6, 0.5, -1.0])
    towards = -torch.stack([beam[:3, 2] for beam in beams]).mean(0).numpy()
    return towards / np.linalg.norm(towards) + np.array([0.0, 0.4, 0.0])


def _draw_beam(plotter: pv.Plotter, xray: XRay) -> np.ndarray:
    """Draw source, beam and detector; return points to keep in view."""
    source = xray.world_from_camera[:3, 3].numpy()
    rectangle, texture = detector(xray)
    corners = np.asarray(rectangle.points, float)
    plotter.add_mesh(rectangle, texture=texture, lighting=False, reset_camera=False)
    add_line(plotter, [*corners, corners[0]], BLUE, 4)
    for corner in corners:
        add_line(plotter, [source, corner], BLUE, 1.2)
    plotter.add_mesh(pv.Sphere(radius=18, center=source), color=BLUE, reset_camera=False)
    return np.vstack([source, corners])
