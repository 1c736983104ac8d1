"""What every reader of a CT returns: voxels, where they are, and what had to be assumed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

AIR = -1000.0
"""Hounsfield units of air."""


@dataclass
class Scan:
    """A volume as a file has it.

    Parameters
    ----------
    values
        (I, J, K) float32.
    lps_from_voxel
        (4, 4) voxel indices to DICOM patient coordinates (LPS), mm.
    notes
        Sentences for the user: what was assumed, left out or mended.
    facts
        Name → value, for the table of :func:`diffpose_nb.ct.describe`.
    """

    values: np.ndarray
    lps_from_voxel: np.ndarray
    notes: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def spacing(self) -> np.ndarray:
        """(3,) distance of voxel centres along each axis, mm."""
        return np.linalg.norm(self.lps_from_voxel[:3, :3], axis=0)
