"""Sphinx extension: what belongs together stays on one line, such as "C-arm", "X-ray" and "700 mm".

A browser breaks lines after a hyphen. A hyphen that does not break would look the same, but whoever searches a page for
"C-arm" or copies it would get another character. So the words keep their characters and are marked instead.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

TOGETHER = re.compile(
    r"\b(?:[CX]-(?:arms?|rays?)|[23]D/[23]D|\d+-bit)\b(?:['’]s)?"
    r"|(?<![\w.])[-−±]?\d[\d.,]*[\u00a0 ](?:mm|cm|m|kV|keV|HU|ms|s|px|MB|GB|kB|KB|%|°)(?!\w)"
)
NOT_IN = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw, nodes.title, nodes.comment)


class KeepTogether(SphinxPostTransform):
    """Wraps each of these words into an element of the class ``unbroken``."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        for text in list(self.document.findall(nodes.Text)):
            if TOGETHER.search(text) and not _inside(text):
                text.parent.replace(text, _pieces(text.astext()))


def _inside(text: nodes.Text) -> bool:
    node = text.parent
    while node is not None:
        if isinstance(node, NOT_IN):
            return True
        node = node.parent
    return False


def _pieces(text: str) -> list[nodes.Node]:
    """The text in pieces, as nodes; those that must not be broken are elements."""
    pieces, end = [], 0
    for match in TOGETHER.finditer(text):
        pieces.append(nodes.Text(text[end : match.start()]))
        pieces.append(nodes.inline("", match.group(), classes=["unbroken"]))
        end = match.end()
    return [piece for piece in (*pieces, nodes.Text(text[end:])) if piece.astext()]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(KeepTogether)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
