"""The errors that are raised for a public set that cannot be read."""

from __future__ import annotations


class SetError(ValueError):
    """A file of a public set is damaged or has another layout. The message names the file and what would mend it."""


class SetNotHereError(SetError):
    """A file of a public set is not on this machine and could not be downloaded. The message says where to put it."""
