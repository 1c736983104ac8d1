"""``python book/make_colab.py`` gives each notebook a cell that installs the package in Colab, once it has an address.

The cell stands right before the imports. On your own computer it does nothing. In Colab it installs the package from
the repository that pyproject.toml names, and names the PyTorch that is there already, so that pip keeps it. Without an
address there is nothing to install from: cells of an earlier address are taken out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat

BOOK = Path(__file__).parent
sys.path.insert(0, str(BOOK / "_ext"))
from repository import address  # noqa: E402  (the extension of the book that reads the same line)

TAG = "colab"
CELL = """\
import subprocess
import sys
from importlib.metadata import version

if "google.colab" in sys.modules:  # on your own computer this cell does nothing
    kept = [f"{{name}}=={{version(name)}}" for name in ("torch", "torchvision", "numpy")]
    package = "diffpose-nb @ git+{url}"
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, package, *kept], check=True)
"""


def with_cell(notebook: nbformat.NotebookNode, url: str | None) -> nbformat.NotebookNode:
    """The notebook with the cell for this address in place of one that it may have; without one for ``None``."""
    cells = [cell for cell in notebook.cells if TAG not in cell.metadata.get("tags", [])]
    if url is not None:
        first = next(number for number, cell in enumerate(cells) if cell.cell_type == "code")
        source = CELL.format(url=url).rstrip("\n")
        # The book is not read in Colab: there the cell would only be in the way.
        metadata = {"tags": [TAG, "remove-cell"]}
        cells.insert(first, nbformat.v4.new_code_cell(source, id="install-in-colab", metadata=metadata))
    return nbformat.from_dict({**notebook, "cells": cells})


def main(root: Path = BOOK.parent) -> None:
    """Bring every notebook, and every notebook of solutions, up to date; one that is up to date is not written."""
    url = address(root)
    for path in sorted((root / "notebooks").glob("**/[0-9][0-9]_*.ipynb")):
        before = nbformat.read(path, as_version=4)
        after = with_cell(before, url)
        if after != before:
            nbformat.write(after, path)


if __name__ == "__main__":
    main()
