"""Labels in the margins of a 3D scene, each with a line to what it names, so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyvista as pv
from vtkmodules.vtkRenderingCore import vtkActor2D, vtkPolyDataMapper2D, vtkTextActor

_gap = 0.9  # lines of text between labels


def add_callouts(plotter: pv.Plotter, labels: Sequence[str], anchors: np.ndarray, font: int, column: int) -> None:
    """Write labels left and right of a scene that will not be turned any more.

    Parameters
    ----------
    labels
        Texts of a few lines.
    anchors
        (N, 2) what each is about, pixels from the bottom left.
    font, column
        Height of the letters and width of the margin, pixels.
    """
    width, height = plotter.window_size
    # the left half of the anchors goes left, so that both columns are about as full
    left_first = np.argsort(anchors[:, 0], kind="stable")
    for members, x, left in (
        (left_first[: len(labels) // 2], column, True),
        (left_first[len(labels) // 2 :], width - column, False),
    ):
        heights = np.array([(labels[n].count("\n") + 1 + _gap) * 1.25 * font for n in members])
        for n, y in zip(members, _spread(anchors[members, 1], heights, height), strict=True):
            _write(plotter, labels[n], (x, y), font, left)
            _connect(plotter, (x + (8 if left else -8), y), anchors[n])


def _spread(wanted: np.ndarray, heights: np.ndarray, room: float) -> np.ndarray:
    """Centres of labels along a column: in the wanted order, as near as can be, none over another."""
    order = np.argsort(wanted, kind="stable")
    centres = wanted.astype(float)
    floor = 0.0
    for n in order:  # from the bottom, each above the one before
        centres[n] = max(centres[n], floor + heights[n] / 2)
        floor = centres[n] + heights[n] / 2
    ceiling = room
    for n in order[::-1]:  # what was pushed out at the top comes down again
        centres[n] = min(centres[n], ceiling - heights[n] / 2)
        ceiling = centres[n] - heights[n] / 2
    return centres


def _write(plotter: pv.Plotter, text: str, place: tuple[float, float], font: int, left: bool) -> None:
    actor = vtkTextActor()
    actor.SetInput(text)
    actor.SetDisplayPosition(round(place[0]), round(place[1]))
    style = actor.GetTextProperty()
    style.SetFontSize(font)
    style.SetColor(0, 0, 0)
    style.SetLineSpacing(1.1)
    style.SetVerticalJustificationToCentered()
    if left:
        style.SetJustificationToRight()
    else:
        style.SetJustificationToLeft()
    plotter.add_actor(actor)


def _connect(plotter: pv.Plotter, start: Sequence[float], end: Sequence[float]) -> None:
    mapper = vtkPolyDataMapper2D()
    mapper.SetInputData(pv.lines_from_points(np.array([(*start, 0.0), (*end, 0.0)])))
    actor = vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(0.35, 0.35, 0.35)
    actor.GetProperty().SetLineWidth(1.5)
    plotter.add_actor(actor)
