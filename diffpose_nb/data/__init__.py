"""Files that come with the package: the example X-ray and its true pose, and results computed from the chest CT."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

FOLDER: Path = Path(__file__).parent
"""Folder of these files. The commands of :mod:`diffpose_nb.commands` write here."""
EXAMPLE_XRAY: Path = FOLDER / "example_xray.dcm"
"""A DICOM file (X-Ray Angiographic). It was simulated from the chest CT, with a patient who moved."""
EXAMPLE_REGRESSOR: Path = FOLDER / "example_regressor.pt"
"""The weights of a pose network for the chest CT, which :meth:`diffpose_nb.train.PoseRegressor.load` reads. The file is
made by ``python -m diffpose_nb.commands.regressor``."""
EXAMPLE_REGRESSOR_ERRORS: Path = FOLDER / "example_regressor.csv"
"""The errors of this network on 200 simulated X-rays, made by the same command."""

EXAMPLE_LANDSCAPES: Path = FOLDER / "example_landscapes.npz"
"""Loss landscapes of the example X-ray, made by ``python -m diffpose_nb.commands.landscapes``."""
EXAMPLE_BONES: Path = FOLDER / "example_bones.npz"
"""A mesh of the bones of :func:`diffpose_nb.ct.example`, made by ``python -m diffpose_nb.commands.mesh``."""
EXAMPLE_COARSE_CT: Path = FOLDER / "example_coarse_ct.npz"
"""The chest CT on a grid of 4 and 5 mm, for the labs, made by ``python labs/make_coarse_ct.py``."""
EXAMPLE_REGISTRATIONS: Path = FOLDER / "example_registrations.csv"
"""A table of registrations of simulated X-rays, made by ``python -m diffpose_nb.commands.registrations``."""
WRIST_REGISTRATIONS: Path = FOLDER / "wrist_registrations.csv"
"""A table of registrations of the real wrist, with their errors in mm, made by ``python -m
diffpose_nb.commands.wrist --write``. It holds no picture and no volume of that set."""
PAPERS_METHODS: Path = FOLDER / "papers_methods.csv"
"""A table of the methods that papers compare, on the same X-rays, made by ``python -m diffpose_nb.commands.papers``."""
PAPERS_TRACES: Path = FOLDER / "papers_traces.csv"
"""Descents whose errors were noted on the way, made by the same command."""


def example_truth() -> Tensor:
    """The true pose of the example X-ray: ``world_from_camera`` (4, 4).

    The header of the X-ray does not contain this pose. It is known because the X-ray is simulated, and it serves only
    to measure errors.
    """
    import torch  # here, so that who asks for a file's path need not wait for it

    content = json.loads((FOLDER / "example_truth.json").read_text(encoding="utf-8"))
    return torch.tensor(content["world_from_camera"], dtype=torch.float64)
