"""One lock for all compiled loops that run in parallel."""

from __future__ import annotations

import threading

KERNEL_LOCK = threading.Lock()
"""Hold this lock while a parallel loop of numba runs. Otherwise numba's fallback threading layer aborts the whole
process when two threads enter a parallel loop at the same time."""
