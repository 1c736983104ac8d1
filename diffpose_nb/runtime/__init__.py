"""Tools that every package can use and that have nothing to do with X-rays.

They write files whole or not at all, keep arrays on the disk, draw progress bars, lock compiled loops, keep torch to
one thread, and insert scripts and styles into pages.
This package imports no other package of ``diffpose_nb``.
"""

from .assets import script, style
from .files import write_text_whole, written_whole
from .kept import fingerprint, kept_arrays
from .lock import KERNEL_LOCK
from .progress import finish, progress_bar
from .threads import one_torch_thread

__all__ = [
    "KERNEL_LOCK",
    "fingerprint",
    "finish",
    "kept_arrays",
    "one_torch_thread",
    "progress_bar",
    "script",
    "style",
    "write_text_whole",
    "written_whole",
]
