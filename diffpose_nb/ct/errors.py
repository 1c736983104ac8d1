"""The error that is raised for a CT that cannot be used."""

from __future__ import annotations


class CTError(ValueError):
    """A CT or a label map cannot be used. The message names the file, what is wrong and how to correct it."""
