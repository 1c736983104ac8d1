"""Sphinx extension: what the reference says of constants, shared lines of parameters, sources and default values.

- A constant has its value beside it where that is short and plain, and the text that stands under it in the code, even
  if the package's face has it from another file.
- "Source: …" at the end of a docstring is a part of its own, not the last of the exceptions before it.
- ``= <factory>`` in the signature of a dataclass, which is no Python, becomes ``= ...``.
"""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.ext.autodoc import DataDocumenter
from sphinx.pycode import ModuleAnalyzer

BEFORE_NAPOLEON = 400  # which reads sections at 500
LONGEST_VALUE = 90  # characters


def is_plain(value: object) -> bool:
    """Numbers, texts and tuples of these, if they fit on a line."""
    if isinstance(value, tuple | list):
        return all(map(is_plain, value)) and len(repr(value)) <= LONGEST_VALUE
    return isinstance(value, int | float | str) and len(repr(value)) <= LONGEST_VALUE


def origin(module: ModuleType, name: str) -> ModuleType:
    """The module in which a name is assigned, from the one whose face shows it."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ImportFrom) and node.level and name in {alias.name for alias in node.names}:
            package = module.__name__ if Path(module.__file__).stem == "__init__" else module.__package__
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
            return origin(sys.modules[base], name)
    return module


class Constant(DataDocumenter):
    """A constant with its value, and with its text from wherever it is written."""

    priority = DataDocumenter.priority + 1

    def should_suppress_value_header(self) -> bool:
        return not is_plain(self.object)

    def get_doc(self) -> list[list[str]] | None:
        name = self.objpath[-1]
        home = origin(sys.modules[self.modname], name)
        found = ModuleAnalyzer.for_module(home.__name__).find_attr_docs().get(("", name))
        return [list(found)] if found else []


def separate_source(app, what, name, obj, options, lines) -> None:
    """A section of its own for the source, so that napoleon does not take it for an exception."""
    for n, line in enumerate(lines):
        if line.startswith("Source: "):
            lines[n : n + 1] = ["Source", "------", line.removeprefix("Source: ")]
            return


def replace_factories(app, what, name, obj, options, signature, returns) -> tuple[str | None, str | None]:
    """``= <factory>``, which is no Python, becomes ``= ...``."""
    return signature and signature.replace("<factory>", "..."), returns


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_autodocumenter(Constant, override=True)
    app.connect("autodoc-process-docstring", separate_source, priority=BEFORE_NAPOLEON)
    app.connect("autodoc-process-signature", replace_factories)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
