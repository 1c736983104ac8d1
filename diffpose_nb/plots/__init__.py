"""Pictures and diagrams.

The functions that draw images are in ``plots`` itself. Each other subject has a module of its own:
:mod:`~diffpose_nb.plots.registration`, :mod:`~diffpose_nb.plots.similarity`, :mod:`~diffpose_nb.plots.gradients`,
:mod:`~diffpose_nb.plots.training`, :mod:`~diffpose_nb.plots.evaluation`, :mod:`~diffpose_nb.plots.diagrams`,
:mod:`~diffpose_nb.plots.rays` and :mod:`~diffpose_nb.plots.papers`. Axes of images are in millimetres at the detector.
Colour-blind readers, too, can tell the blue from the orange.

Imports the packages below it, which compute what is drawn; none of them imports ``plots``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from . import diagrams, evaluation, gradients, papers, rays, registration, similarity
from .images import effect, orientation, overlay, picture, pictures, slices
from .registration import LiveView, convergence, film, landmark_errors
from .style import BLUE, GREEN, GREY, NOT_COMPARED, ORANGE, PURPLE, WIDTH, panels, use_in_notebooks

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "NOT_COMPARED",
    "ORANGE",
    "PURPLE",
    "WIDTH",
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
    "panels",
    "papers",
    "picture",
    "pictures",
    "rays",
    "registration",
    "similarity",
    "slices",
    "training",
]


use_in_notebooks()


def __getattr__(name: str) -> ModuleType:
    """Load ``plots.training`` only when it is first used, since its import of the networks takes seconds."""
    if name == "training":
        return import_module(".training", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
