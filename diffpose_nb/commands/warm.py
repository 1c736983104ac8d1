"""``python -m diffpose_nb.commands.warm`` compiles the kernels and keeps what is made of the example CT."""

from __future__ import annotations

import numpy as np

from .. import ct
from ..data import EXAMPLE_XRAY
from ..dicom import read_xray
from ..register import refine
from ..render import Renderer
from ..render.kernel import march, pack
from ..simulate.siddon import areal_densities


def main() -> None:
    """Compile the kernels that the notebooks call, or load them from numba's cache, and keep the example CT and
    what a registration makes of it, so that no notebook has to wait."""
    source, target = np.array([[[-1.0, 1.0, 1.0]]]), np.array([[[3.0, 1.0, 1.0]]])
    for dtype in (np.float32, np.float64):
        march(*pack(np.ones((3, 3, 3), dtype)), np.eye(4), source, target, 0.1, True)
    densities = np.ones((1, 2), np.float32)
    areal_densities(
        np.zeros((2, 2, 2), np.int16), densities, np.eye(4), source[0, 0], target[0, 0], np.eye(3)[1:], (1, 1)
    )
    xray, subject = read_xray(EXAMPLE_XRAY), ct.example()
    Renderer(subject, xray.camera)
    refine(subject, xray, progress=False)


if __name__ == "__main__":
    main()
