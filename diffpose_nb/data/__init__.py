"""What ships with the package: the example X-ray and its truth, and what was computed from the chest CT."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

FOLDER: Path = Path(__file__).parent
"""Where these files are; the commands write here."""
EXAMPLE_XRAY: Path = FOLDER / "example_xray.dcm"
"""A DICOM file (X-Ray Angiographic) of the chest CT, simulated with a patient who moved."""
EXAMPLE_REGRESSOR: Path = FOLDER / "example_regressor.pt"
"""A pose network for the chest CT, weights only, for :meth:`diffpose_nb.train.PoseRegressor.load`; made by
``python -m diffpose_nb.commands.regressor``."""
EXAMPLE_REGRESSOR_ERRORS: Path = FOLDER / "example_regressor.csv"
"""Its errors on 200 simulated X-rays, made by the same command."""

EXAMPLE_LANDSCAPES: Path = FOLDER / "example_landscapes.npz"
"""Landscapes of the example X-ray, made by ``python -m diffpose_nb.commands.landscapes``."""
EXAMPLE_BONES: Path = FOLDER / "example_bones.npz"
"""The bones of :func:`diffpose_nb.ct.example`, made by ``python -m diffpose_nb.commands.mesh``."""
EXAMPLE_REGISTRATIONS: Path = FOLDER / "example_registrations.csv"
"""Made by ``python -m diffpose_nb.commands.registrations``."""


def example_truth() -> Tensor:
    """The pose that the example X-ray was really taken from: ``world_from_camera`` (4, 4).

    No header knows it. It is known here because the X-ray is simulated, and it serves only to measure errors.
    """
    content = json.loads((FOLDER / "example_truth.json").read_text(encoding="utf-8"))
    return torch.tensor(content["world_from_camera"], dtype=torch.float64)
