"""Labels in the margins of a 3D scene. A line joins each to what it names, and no label covers another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyvista as pv
from vtkmodules.vtkRenderingCore import vtkActor2D, vtkPolyDataMapper2D, vtkTextActor

_gap = 0.9  # space between two labels, in lines of text


def add_callouts(plotter: pv.Plotter, labels: Sequence[str], anchors: np.ndarray, font: int, column: int) -> None:
    """Write labels to the left and right of a scene.

    They have fixed places in the picture, so the scene must not be turned afterwards.

    Parameters
    ----------
    labels
        N texts of one or a few lines.
    anchors
        (N, 2) the point that each label is about, (x, y) in pixels from the bottom left of the picture.
    font, column
        Height of the letters and width of either margin, pixels.
    """
    width, height = plotter.window_size
    # the labels of the left half of the anchors go to the left, so that both columns have about as many
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
    """Heights at which to place the centres of the labels of one column so that they do not overlap.

    They keep their order and stay near the wanted places.

    Parameters
    ----------
    wanted
        (N,) heights of the anchors, pixels.
    heights
        (N,) heights of the labels themselves, pixels.
    room
        Height of the column, pixels.
    """
    order = np.argsort(wanted, kind="stable")
    centres = wanted.astype(float)
    floor = 0.0
    for n in order:  # go from the bottom up and lift each label above the one before
        centres[n] = max(centres[n], floor + heights[n] / 2)
        floor = centres[n] + heights[n] / 2
    ceiling = room
    for n in order[::-1]:  # go back down and lower labels that have left the picture at the top
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
