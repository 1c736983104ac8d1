"""``python -m diffpose_nb`` is the command ``diffpose-nb``."""

from __future__ import annotations

from .cli.app import app

if __name__ == "__main__":
    app(prog_name="python -m diffpose_nb")
