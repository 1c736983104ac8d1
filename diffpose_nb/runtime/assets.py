"""Scripts and styles that a package keeps as files of their own, to be put into a page."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def script(package: str, name: str) -> str:
    """``<script>…</script>`` of a file in the package's folder ``assets``; ``package`` is its ``__package__``."""
    return f"<script>\n{_text(package, name)}</script>"


@cache
def style(package: str, name: str) -> str:
    """``<style>…</style>`` of a file in the package's folder ``assets``."""
    return f"<style>\n{_text(package, name)}</style>"


def _text(package: str, name: str) -> str:
    return (files(package) / "assets" / name).read_text(encoding="utf-8")
