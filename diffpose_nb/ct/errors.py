"""What goes wrong with a CT."""

from __future__ import annotations


class CTError(ValueError):
    """A CT or a label map that cannot be used; the message names the file, what is wrong and what would mend it."""
