"""A cache for results that are made from a tensor. A result is kept as long as the tensor lives."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

Made = TypeVar("Made")


class MadeFrom:
    """Results that were made from tensors, kept because making them takes longer than using them.

    When a tensor has been changed in place, the results that were made from it are made again.
    """

    def __init__(self) -> None:
        self._kept = WeakTensorKeyDictionary()
        """Tensor → (its version, a dictionary of results made from it alone, a cache of results made from it and other
        tensors)."""

    def get(self, source: Tensor | tuple[Tensor, ...], key: Hashable, make: Callable[[], Made]) -> Made:
        """Return ``make()``, or what it returned before for the same tensors and key.

        If there are several tensors, the result is kept as long as all of them live. ``id(tensor)`` could not be the
        key, because Python may give the same number to another object as soon as the first one is gone.
        """
        tensor, *others = source if isinstance(source, tuple) else (source,)
        version, made, with_others = self._kept.get(tensor, (None, {}, None))
        if version != tensor._version:
            made, with_others = {}, MadeFrom()
            self._kept[tensor] = (tensor._version, made, with_others)
        if others:
            return with_others.get(tuple(others), key, make)
        if key not in made:
            made[key] = make()
        return made[key]
