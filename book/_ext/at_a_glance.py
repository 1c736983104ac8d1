"""Sphinx extension: a notebook's goal, need and time stand in one box below its opening picture.

In the notebook they are one quotation, which JupyterLab and Colab can show. Each of its parts begins with a bold name.
Here they become a container ``at-a-glance`` with a part for each.
"""

from __future__ import annotations

from docutils import nodes
from reading import NEED
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class AtAGlance(SphinxTransform):
    """Turns the quotation into the box, and the picture above it into the page's opening picture."""

    default_priority = 500

    def apply(self) -> None:
        if not self.env.docname.startswith("notebooks/"):
            return
        for quote in self.document.findall(nodes.block_quote):
            if NEED in quote.astext():
                quote.replace_self(_box(quote))
                break
        for picture in self.document.findall(nodes.image):
            if "images/openings/" in picture["uri"]:
                picture["classes"].append("opening")
                break


def _box(quote: nodes.block_quote) -> nodes.container:
    box, part = nodes.container(classes=["at-a-glance"]), None
    for child in quote.children:
        if part is None or (isinstance(child, nodes.paragraph) and isinstance(child.children[0], nodes.strong)):
            part = nodes.container(classes=["part"])
            box += part
        part += child
    return box


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(AtAGlance)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
