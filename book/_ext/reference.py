"""Sphinx extension: how the reference shows constants, sources and default values.

- A constant is shown with its value if that is short and plain, and with the string below it in the code. The string is
  also found if the package imports the constant from one of its files. If the constant is a dataclass, several of these
  (such as the stages of a registration) or a dictionary of plain values, its values stand in a table below the string.
- "Source: …" at the end of a docstring becomes a section of its own. Otherwise it would be taken for the last one of
  the exceptions before it.
- A colon in a constant's text stays a colon; what stands before it does not become the constant's type.
- ``= <factory>`` in the signature of a dataclass, which is not valid Python, becomes ``= ...``.
- Names that a file imports for annotations alone, under ``if TYPE_CHECKING:``, are imported here, so that signatures
  can be resolved and linked. When the package is used they are left out, because they take long to import.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.ext.autodoc import DataDocumenter
from sphinx.pycode import ModuleAnalyzer

BEFORE_NAPOLEON, AFTER_NAPOLEON = 400, 600  # napoleon reads sections at priority 500
STANDS_FOR_COLON = "\ue000"  # a character of no meaning
LONGEST_VALUE = 90  # characters


def is_plain(value: object) -> bool:
    """Whether a value is a number, a text or a sequence of these that fits on a line."""
    if isinstance(value, tuple | list):
        return all(map(is_plain, value)) and len(repr(value)) <= LONGEST_VALUE
    return isinstance(value, int | float | str) and len(repr(value)) <= LONGEST_VALUE


def values_of(value: object) -> dict[str, list[object]]:
    """What a constant holds, by name: one value for a dataclass or a dictionary, several for some dataclasses.

    Empty if it is anything else, or has values that are not plain.
    """
    if isinstance(value, Mapping):
        rows = {str(name): [held] for name, held in value.items()}
    else:
        some = list(value) if isinstance(value, tuple | list) else [value]
        if not some or not all(is_dataclass(one) and type(one) is type(some[0]) for one in some):
            return {}
        rows = {field.name: [getattr(one, field.name) for one in some] for field in fields(some[0])}
    plain = all(held is None or is_plain(held) for row in rows.values() for held in row)
    return rows if plain else {}


def table(rows: dict[str, list[object]]) -> list[str]:
    """The values as lines of reStructuredText, a row for each name; several columns are numbered from 1."""
    columns = len(next(iter(rows.values())))
    heads = ["", *(range(1, columns + 1) if columns > 1 else ["value"])]
    lines = ["", ".. list-table::", "   :header-rows: 1", "   :stub-columns: 1", ""]
    for cells in [heads, *([name, *held] for name, held in rows.items())]:
        lines += [f"   {'*' if n == 0 else ' '} - {cell}" for n, cell in enumerate(cells)]
    return [*lines, ""]


def origin(module: ModuleType, name: str) -> ModuleType:
    """The module in which a name is assigned, found from a module that imports it."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ImportFrom) and node.level and name in {alias.name for alias in node.names}:
            package = module.__name__ if Path(module.__file__).stem == "__init__" else module.__package__
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
            return origin(sys.modules[base], name)
    return module


class Constant(DataDocumenter):
    """Documents a constant with its value, and with the string below it, in whichever module that is written."""

    priority = DataDocumenter.priority + 1

    def should_suppress_value_header(self) -> bool:
        return not is_plain(self.object)

    def get_doc(self) -> list[list[str]] | None:
        name = self.objpath[-1]
        home = origin(sys.modules[self.modname], name)
        found = ModuleAnalyzer.for_module(home.__name__).find_attr_docs().get(("", name))
        rows = values_of(self.object)
        return [[*found, *(table(rows) if rows else [])]] if found else []


def separate_source(app, what, name, obj, options, lines) -> None:
    """Give the source a section of its own, so that napoleon does not take it for an exception."""
    for n, line in enumerate(lines):
        if line.startswith("Source: "):
            lines[n : n + 1] = ["Source", "------", line.removeprefix("Source: ")]
            return


def hide_colons(app, what, name, obj, options, lines) -> None:
    """Hide colons of a constant's text, as napoleon takes what stands before one in the first line for a type."""
    if what == "data":
        lines[:] = [line.replace(":", STANDS_FOR_COLON) for line in lines]


def show_colons(app, what, name, obj, options, lines) -> None:
    """Undo :func:`hide_colons`."""
    lines[:] = [line.replace(STANDS_FOR_COLON, ":") for line in lines]


def stay_in_the_package(app: Sphinx, module: str, attribute: str) -> str | None:
    """Link to the file that documents a value, such as a lock, whose class is compiled and has no code to show."""
    found = getattr(sys.modules.get(module), attribute, None)
    return module if (getattr(found, "__module__", None) or "").startswith("_") else None


def replace_factories(app, what, name, obj, options, signature, returns) -> tuple[str | None, str | None]:
    """Replace ``= <factory>``, which is not valid Python, by ``= ...``."""
    return signature and signature.replace("<factory>", "..."), returns


def import_for_annotations(package: str) -> None:
    """Import what the files of a package import under ``if TYPE_CHECKING:``, each into its own names."""
    face = importlib.import_module(package)
    names = [found.name for found in pkgutil.walk_packages(face.__path__, f"{package}.")]
    for module in [importlib.import_module(name) for name in names if not name.endswith("__main__")]:
        for node in ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                exec(compile(ast.Module(node.body, []), module.__file__, "exec"), vars(module))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_autodocumenter(Constant, override=True)
    app.connect("autodoc-process-docstring", separate_source, priority=BEFORE_NAPOLEON)
    app.connect("autodoc-process-docstring", hide_colons, priority=BEFORE_NAPOLEON + 1)
    app.connect("autodoc-process-docstring", show_colons, priority=AFTER_NAPOLEON)
    app.connect("viewcode-follow-imported", stay_in_the_package)
    app.connect("autodoc-process-signature", replace_factories)
    app.connect("builder-inited", lambda app: import_for_annotations("diffpose_nb"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
