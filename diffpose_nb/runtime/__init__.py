"""What every package needs of the machine, and nothing of X-rays: files that appear whole, progress bars, one lock.

Imports nothing of this package.
"""

from .assets import script, style
from .files import write_text_whole, written_whole
from .lock import KERNEL_LOCK
from .progress import progress_bar

__all__ = ["KERNEL_LOCK", "progress_bar", "script", "style", "write_text_whole", "written_whole"]
