"""One lock round every compiled loop that runs in parallel."""

from __future__ import annotations

import threading

KERNEL_LOCK = threading.Lock()
"""numba's fallback threading layer aborts the whole process when two threads enter a parallel loop at the same time."""
