"""The outcome of a registration as a folder: the pose for other programs, an overlay, and a page that says how it went.

:func:`write_report` is what ``diffpose-nb register`` calls, and can be called from a notebook. This package imports
``plots``, ``register``, ``exchange`` and what lies below them.
"""

from .folder import new_folder, write_report
from .pictures import ViewPictures, pictures_of

__all__ = ["ViewPictures", "new_folder", "pictures_of", "write_report"]
