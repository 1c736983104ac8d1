"""The example X-ray that ships with the package, made by ``python -m diffpose_nb.make_example``."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

EXAMPLE_XRAY: Path = Path(__file__).parent / "example_xray.dcm"
"""A DICOM file (X-Ray Angiographic) of the chest CT, simulated with a patient who moved."""


def example_truth() -> Tensor:
    """The pose that the example X-ray was really taken from: ``world_from_camera`` (4, 4).

    No header knows it. It is known here because the X-ray is simulated, and it serves only to measure errors.
    """
    content = json.loads((Path(__file__).parent / "example_truth.json").read_text(encoding="utf-8"))
    return torch.tensor(content["world_from_camera"], dtype=torch.float64)
