"""``python -m diffpose_nb.warm`` compiles the kernels once, so that nobody waits for it in a notebook."""

from __future__ import annotations

import numpy as np

from ._raymarch import march


def main() -> None:
    """Compile, or load from numba's cache, what the notebooks call."""
    ends = np.array([[[-1.0, 1.0, 1.0]]]), np.array([[[3.0, 1.0, 1.0]]])
    for dtype in (np.float32, np.float64):
        march(np.ones((3, 3, 3), dtype), *ends, 0.1, True)


if __name__ == "__main__":
    main()
