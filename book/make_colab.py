"""``python book/make_colab.py`` gives each notebook a cell that installs the package in Colab.

The cell is the first code cell, before the imports. On your own computer it does nothing. In Colab it installs the
package from the repository whose address is in pyproject.toml. It also names the versions of PyTorch, torchvision and
NumPy that Colab has already, so that pip keeps them. If pyproject.toml has no address, there is nothing to install
from, and cells of an earlier address are removed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat

BOOK = Path(__file__).parent
sys.path.insert(0, str(BOOK / "_ext"))
from repository import address  # noqa: E402  (the extension that reads the same address)

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
    """The notebook with the cell for this address in place of an older one; for ``None``, the notebook without it."""
    cells = [cell for cell in notebook.cells if TAG not in cell.metadata.get("tags", [])]
    if url is not None:
        first = next(number for number, cell in enumerate(cells) if cell.cell_type == "code")
        source = CELL.format(url=url).rstrip("\n")
        # The cell is of no use to readers of the book, so it is removed from its pages.
        metadata = {"tags": [TAG, "remove-cell"]}
        cells.insert(first, nbformat.v4.new_code_cell(source, id="install-in-colab", metadata=metadata))
    return nbformat.from_dict({**notebook, "cells": cells})


def main(root: Path = BOOK.parent) -> None:
    """Update every notebook, and every notebook of solutions. A file that would not change is not written."""
    url = address(root)
    for path in sorted((root / "notebooks").glob("**/[0-9][0-9]_*.ipynb")):
        before = nbformat.read(path, as_version=4)
        after = with_cell(before, url)
        if after != before:
            nbformat.write(after, path)


if __name__ == "__main__":
    main()
