"""Lines, arrows and angles of a 3D scene. Points are in world mm. Orange marks what a header says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyvista as pv

from ..plots import ORANGE


def add_line(plotter: pv.Plotter, points: Sequence[np.ndarray], color: str, width: float) -> None:
    """Draw a line through points (N, 3); its width is in pixels."""
    plotter.add_mesh(pv.lines_from_points(np.array(points)), color=color, line_width=width, lighting=False)


def add_arrow(plotter: pv.Plotter, start: np.ndarray, end: np.ndarray) -> None:
    """Draw an orange arrow from one point (3,) to another."""
    way = (end - start) / np.linalg.norm(end - start)
    add_line(plotter, [start, end - 20 * way], ORANGE, 4)
    tip = pv.Cone(center=end - 14 * way, direction=way, height=28, radius=9, resolution=24)
    plotter.add_mesh(tip, color=ORANGE, lighting=False)


def add_sector(plotter: pv.Plotter, start: np.ndarray, end: np.ndarray, radius: float) -> np.ndarray:
    """Draw a sector about the isocentre between two unit vectors; return the middle (3,) of its arc."""
    turn = np.arccos(np.clip(start @ end, -1, 1))
    if turn < 1e-3:
        return radius * end
    across = (end - (start @ end) * start) / np.sin(turn)
    steps = np.linspace(0, turn, 61)[:, None]
    arc = radius * (np.cos(steps) * start + np.sin(steps) * across)
    sector = pv.PolyData(np.vstack([np.zeros(3), arc]), faces=[v for k in range(1, 61) for v in (3, 0, k, k + 1)])
    plotter.add_mesh(sector, color=ORANGE, opacity=0.35, lighting=False)
    add_line(plotter, list(arc), ORANGE, 5)
    add_line(plotter, [np.zeros(3), arc[0]], "grey", 2)
    return arc[30]
