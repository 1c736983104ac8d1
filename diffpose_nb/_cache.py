"""What was made from a tensor, kept as long as the tensor lives."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

Made = TypeVar("Made")


class MadeFrom:
    """Copies of a CT that take longer to make than to use; a tensor that was changed in place starts anew."""

    def __init__(self) -> None:
        self._kept = WeakTensorKeyDictionary()

    def get(self, tensor: Tensor, key: Hashable, make: Callable[[], Made]) -> Made:
        """``make()``, or what it gave when it was called for this tensor and key before."""
        version, made = self._kept.get(tensor, (None, {}))
        if version != tensor._version:
            self._kept[tensor] = (tensor._version, made := {})
        if key not in made:
            made[key] = make()
        return made[key]
