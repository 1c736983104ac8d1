"""Sphinx extension: pictures of notebooks have two dots for each pixel of the page, and are light.

A PNG says how many dots an inch has. On a page an inch has 100 pixels, so a picture of 200 dots an inch is shown at
half its number of dots. In the page it becomes WebP, a third of the size.
"""

from __future__ import annotations

from pathlib import Path

import PIL.Image
from docutils import nodes
from sphinx.application import Sphinx

PIXELS_AN_INCH = 100
LIGHT = 30_000  # bytes: smaller pictures stay as they are


def prepare(app: Sphinx, doctree: nodes.document) -> None:
    """Give the pictures that the cells of a page have drawn their sizes, and store them as WebP."""
    made = Path(app.outdir).parent / "jupyter_execute"
    for node in doctree.findall(nodes.image):
        uri = node["uri"]
        path = Path(app.srcdir) / uri.lstrip("/") if not Path(uri).is_file() else Path(uri)
        path = path if path.is_file() else (Path(app.srcdir) / Path(app.env.docname).parent / uri).resolve()
        if path.suffix != ".png" or not path.is_file() or made.resolve() not in path.resolve().parents:
            continue
        with PIL.Image.open(path) as picture:
            dots = picture.info.get("dpi", (PIXELS_AN_INCH,))[0]
            if dots > 1.5 * PIXELS_AN_INCH and "width" not in node:
                node["width"] = f"{round(picture.width * PIXELS_AN_INCH / dots)}px"
            if path.stat().st_size > LIGHT:
                light = path.with_suffix(".webp")
                if not light.exists():
                    picture.convert("RGB").save(light, "webp", quality=88, method=4)
                node["uri"] = uri.removesuffix(".png") + ".webp"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", prepare, priority=100)  # before Sphinx collects the pictures' files
    return {"parallel_read_safe": True, "parallel_write_safe": True}
