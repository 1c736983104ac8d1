"""Scripts and styles that a package keeps in separate files and inserts into a page."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def script(package: str, name: str) -> str:
    """A file of the package's folder ``assets`` as ``<script>…</script>``; ``package`` is its ``__package__``."""
    return f"<script>\n{_text(package, name)}</script>"


@cache
def style(package: str, name: str) -> str:
    """A file of the package's folder ``assets`` as ``<style>…</style>``; ``package`` is its ``__package__``."""
    return f"<style>\n{_text(package, name)}</style>"


def _text(package: str, name: str) -> str:
    return (files(package) / "assets" / name).read_text(encoding="utf-8")
