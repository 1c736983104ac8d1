"""From a C-arm X-ray and a CT to the pose of the C-arm: the package under the notebooks.

Every package here is a room with one subject. It imports only rooms on floors below its own; the floors, and what each
room is for, are in CONTRIBUTING.md.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

_MOVED = {
    "appearance": "images.display",
    "bones": "scenes.bones",
    "calibration": "register.calibration",
    "collimator": "images.collimator",
    "descent": "register.descent",
    "diagrams": "plots.diagrams",
    "evaluate_plots": "plots.evaluation",
    "gradient_plots": "plots.gradients",
    "jacobian": "render.jacobian",
    "landscape_plots": "plots.similarity",
    "landscapes": "similarity.landscapes",
    "physics": "simulate.physics",
    "ray_diagrams": "plots.rays",
    "refinement_plots": "plots.registration",
    "regions": "similarity.regions",
    "registrations": "study.registrations",
    "training_plots": "plots.training",
}
"""Modules that lay at the root in version 0.1, and where they are now."""


def __getattr__(name: str) -> ModuleType:
    """``from diffpose_nb import landscapes`` goes on working for scripts that were written for version 0.1."""
    if name in _MOVED:
        return import_module(f".{_MOVED[name]}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
