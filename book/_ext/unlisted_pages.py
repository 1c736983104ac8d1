"""Sphinx extension: a link to a notebook that is not a page of the book, such as a solution, downloads the file."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class DownloadUnlisted(SphinxTransform):
    """Turns links to notebooks without a page into downloads.

    MyST takes every link to a source file for a link to the page of that file. If there is no such page, the link would
    lead nowhere, so it gets the file itself as its target.
    """

    default_priority = 400

    def apply(self) -> None:
        for link in list(self.document.findall(addnodes.pending_xref)):
            target = link["reftarget"]
            if link.get("refdomain") != "doc" or target in self.env.found_docs:
                continue
            file = Path(self.env.doc2path(target)).with_suffix(".ipynb")
            if file.is_file():
                name = "/" + file.relative_to(self.env.srcdir).as_posix()
                download = addnodes.download_reference(
                    "", reftarget=name, refdoc=self.env.docname, classes=["download"]
                )
                download += nodes.inline("", "", *link.children, classes=["xref", "download"])
                link.replace_self(download)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(DownloadUnlisted)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
