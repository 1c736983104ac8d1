"""Sphinx extension: pages of source code share their sidebar, which otherwise takes half of the time to write them.

Such a page is in no table of contents. So its sidebar is that of every other one from which links are as long.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder


def share(app: Sphinx) -> None:
    """Keep what the builder's table of contents is for pages that are not in it."""
    builder = app.builder
    if not isinstance(builder, StandaloneHTMLBuilder):
        return
    make, kept = builder._get_local_toctree, {}

    def toctree(page: str, collapse: bool = True, **options: object) -> str:
        if page in app.env.all_docs:
            return make(page, collapse, **options)
        key = (str(PurePosixPath(page).parent), collapse, *sorted(options.items()))
        if key not in kept:
            kept[key] = make(page, collapse, **options)
        return kept[key]

    builder._get_local_toctree = toctree


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", share)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
