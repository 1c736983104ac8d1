"""Sphinx extension: each page says what it is about, to search engines and to programs that show a card for a link.

A page's description is its first paragraph. A card's picture needs a whole address, so it is there once the book has
one: ``html_baseurl``, which the builder of a public site sets.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

LONGEST = 200  # letters; search engines show about 160
CARD = "_static/social-card.jpg"


def description(doctree: nodes.document) -> str:
    """The first paragraph of a page, in at most :data:`LONGEST` letters; empty if there is none."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) < 40 or isinstance(paragraph.parent, nodes.entry | nodes.list_item | nodes.caption):
            continue
        if len(text) <= LONGEST:
            return text
        sentences = text[:LONGEST].rpartition(". ")[0]
        return f"{sentences}." if len(sentences) > 60 else f"{text[: LONGEST - 1].rpartition(' ')[0]}…"
    return ""


def describe(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document) -> None:
    """Add what a page says about itself to its head."""
    if doctree is None:
        return
    told = {"og:type": "article", "og:site_name": app.config.project, "og:title": context.get("title", "")}
    text = description(doctree)
    if text:
        told["og:description"] = text
    if app.config.html_baseurl:
        told["og:image"] = f"{app.config.html_baseurl.rstrip('/')}/{CARD}"
        told["og:url"] = f"{app.config.html_baseurl.rstrip('/')}/{pagename}.html"
    tags = [f'<meta property="{name}" content="{escape(_plain(value))}">' for name, value in told.items() if value]
    tags.append('<meta name="twitter:card" content="summary_large_image">')
    if text:
        tags.append(f'<meta name="description" content="{escape(text)}">')
    context["metatags"] = context.get("metatags", "") + "\n".join(tags) + "\n"


def _plain(text: str) -> str:
    """Without the tags that a title may have."""
    return unescape(re.sub(r"<[^>]+>", "", text))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
