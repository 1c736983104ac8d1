"""Sphinx extension: a dataclass whose field has a factory keeps a signature that Sphinx can read, and link."""

from __future__ import annotations

from sphinx.application import Sphinx


def replace_factories(app, what, name, obj, options, signature, returns) -> tuple[str | None, str | None]:
    """``= <factory>``, which is no Python, becomes ``= ...``."""
    return signature and signature.replace("<factory>", "..."), returns


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-signature", replace_factories)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
