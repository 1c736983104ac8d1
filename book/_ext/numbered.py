"""Sphinx extension: in the sidebar a notebook has its number, and its title up to the colon.

Readers, and other notebooks, speak of "09". The number is in the name of the file.
"""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from reading import read_notebook
from sphinx import addnodes
from sphinx.application import Sphinx

NOTEBOOK = re.compile(r"notebooks/(\d\d)_\w+")


def number(app: Sphinx, doctree: nodes.document) -> None:
    """Name the notebooks in the tables of contents of a page, unless they have a name there already."""
    for contents in doctree.findall(addnodes.toctree):
        contents["entries"] = [
            (title or _name(Path(app.srcdir), document), document) for title, document in contents["entries"]
        ]


def _name(root: Path, document: str) -> str | None:
    match = NOTEBOOK.fullmatch(document)
    return f"{match.group(1)} {read_notebook(root / f'{document}.ipynb').title}" if match else None


def setup(app: Sphinx) -> dict[str, bool]:
    # after sphinx-external-toc has put the contents in, before Sphinx collects them
    app.connect("doctree-read", number, priority=200)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
