"""Pictures: of images here, of everything else in a module each.

:mod:`~diffpose_nb.plots.registration`, :mod:`~diffpose_nb.plots.similarity`, :mod:`~diffpose_nb.plots.gradients`,
:mod:`~diffpose_nb.plots.training`, :mod:`~diffpose_nb.plots.evaluation`, :mod:`~diffpose_nb.plots.diagrams`,
:mod:`~diffpose_nb.plots.rays`. Axes are in millimetres at the detector; blue and orange tell apart for colour-blind
readers too. Imports the science below it, which imports no plots.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from . import diagrams, evaluation, gradients, rays, registration, similarity
from .images import effect, orientation, overlay, picture, pictures, slices
from .registration import LiveView, convergence, film, landmark_errors
from .style import BLUE, GREEN, GREY, ORANGE, PURPLE

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PURPLE",
    "LiveView",
    "convergence",
    "diagrams",
    "effect",
    "evaluation",
    "film",
    "gradients",
    "landmark_errors",
    "orientation",
    "overlay",
    "picture",
    "pictures",
    "rays",
    "registration",
    "similarity",
    "slices",
    "training",
]


def __getattr__(name: str) -> ModuleType:
    """``plots.training`` is loaded when it is first asked for: it draws networks, which take seconds to import."""
    if name == "training":
        return import_module(".training", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
