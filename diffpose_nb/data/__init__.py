"""What ships with the package: the example X-ray and its truth, and what was computed from the chest CT."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

EXAMPLE_XRAY: Path = Path(__file__).parent / "example_xray.dcm"
"""A DICOM file (X-Ray Angiographic) of the chest CT, simulated with a patient who moved."""

EXAMPLE_REGRESSOR: Path = Path(__file__).parent / "example_regressor.pt"
"""A pose network for the chest CT, weights only, for :meth:`diffpose_nb.train.PoseRegressor.load`; made by
``python -m diffpose_nb.make_regressor``."""

EXAMPLE_REGRESSOR_ERRORS: Path = Path(__file__).parent / "example_regressor.csv"
"""Its errors on 200 simulated X-rays, made by the same command."""


def example_truth() -> Tensor:
    """The pose that the example X-ray was really taken from: ``world_from_camera`` (4, 4).

    No header knows it. It is known here because the X-ray is simulated, and it serves only to measure errors.
    """
    content = json.loads((Path(__file__).parent / "example_truth.json").read_text(encoding="utf-8"))
    return torch.tensor(content["world_from_camera"], dtype=torch.float64)
