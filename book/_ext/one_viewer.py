"""Sphinx extension: the 3D scenes of all pages share one copy of their viewer.

A scene is a page within a frame, and this page contains vtk.js, a megabyte. In the book that part is a file, which a
browser loads once. A page that is opened from the disk may load classic scripts and no modules. So what is a module in
the scene becomes a classic script that behaves like one: it has a scope of its own, is strict, and runs after the page
was read.
"""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from diffpose_nb.scenes.page import empty_viewer

FILE = "_static/scene_viewer.js"
FRAME = re.compile(r"""srcdoc=(['"])(.*?)\1""", re.DOTALL)
MODULE = re.compile(r'<script type="module">(.*?)</script>', re.DOTALL)


@cache
def viewer() -> re.Match[str]:
    """The viewer as it stands in the page of every scene, with and without its tags."""
    found = MODULE.search(empty_viewer())
    if found is None:
        raise RuntimeError("the page of vtk.js has no module, so scenes cannot share it: look at trame_vtk's version")
    return found


def with_shared_viewer(output: str, root: str) -> str:
    """The HTML of a cell, whose scenes load the viewer from :data:`FILE`; ``root`` leads from the page to the book."""

    def frame(match: re.Match[str]) -> str:
        page = html.unescape(match[2])
        if viewer()[0] not in page:
            return match[0]
        page = page.replace(viewer()[0], f'<script defer src="{root}{FILE}"></script>')
        quoted = page.replace("&", "&amp;").replace("'", "&#39;")
        return f"srcdoc='{quoted}'"

    return FRAME.sub(frame, output)


def share(app: Sphinx, doctree: nodes.document) -> None:
    """Take the viewer out of the scenes of a page."""
    root = "../" * app.env.docname.count("/")
    for node in doctree.findall(nodes.raw):
        if "srcdoc=" in node.astext():
            node[:] = [nodes.Text(with_shared_viewer(node.astext(), root))]


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the viewer's file."""
    if exception is None and app.builder.format == "html":
        path = Path(app.outdir) / FILE
        path.write_text(f'(() => {{\n"use strict";\n{viewer()[1]}\n}})();\n', encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", share)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
