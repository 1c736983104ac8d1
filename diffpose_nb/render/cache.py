"""What was made from a tensor, kept as long as the tensor lives."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

Made = TypeVar("Made")


class MadeFrom:
    """Copies that take longer to make than to use; a tensor that was changed in place starts anew."""

    def __init__(self) -> None:
        self._kept = WeakTensorKeyDictionary()
        """Tensor → (its version, what was made of it alone by key, what was made of it and another tensor)."""

    def get(self, source: Tensor | tuple[Tensor, ...], key: Hashable, make: Callable[[], Made]) -> Made:
        """``make()``, or what it gave when it was called for the same tensors and key before.

        Of several tensors each has to live on. The number of an object, ``id(tensor)``, is no key: Python gives it to
        another object as soon as the first one is gone.
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
