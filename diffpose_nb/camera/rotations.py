"""RoMa, the library of rotations, as every file of this package imports it: without torch's compiler.

RoMa marks two of its functions as not to be compiled, and ``torch._dynamo.disable``, with which it does so, loads the
whole compiler: 2 s and 150 MB, half of what the import of this package would take. PyTorch itself marks its functions
with a decorator that loads the compiler only when it is needed. While RoMa is imported, that decorator takes the other
one's place.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch
from torch._compile import _disable_dynamo

_COMPILER = "torch._dynamo"


class _Postponed(ModuleType):
    """Stands for ``torch._dynamo``; should anybody ask it for something else, the true one is loaded."""

    disable = staticmethod(_disable_dynamo)

    def __getattr__(self, name: str) -> object:
        _take_away(self)
        return getattr(importlib.import_module(_COMPILER), name)


def _take_away(stand_in: ModuleType) -> None:
    if sys.modules.get(_COMPILER) is stand_in:
        del sys.modules[_COMPILER]
    if vars(torch).get("_dynamo") is stand_in:
        del torch._dynamo


def _import_roma() -> ModuleType:
    if "roma" in sys.modules or _COMPILER in sys.modules:
        return importlib.import_module("roma")
    stand_in = sys.modules[_COMPILER] = _Postponed(_COMPILER)
    try:
        return importlib.import_module("roma")
    finally:
        _take_away(stand_in)


roma = _import_roma()
