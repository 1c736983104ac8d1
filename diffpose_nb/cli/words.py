"""Options that hold several numbers or words, and options that are given once for all X-rays or once for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import WrongInput


def numbers(text: str | None, option: str, count: Sequence[int]) -> tuple[float, ...] | None:
    """Numbers that commas separate, such as ``0.3,0.3``; None stays None.

    Raises
    ------
    WrongInput
        The text is not numbers with commas between them, or not as many as ``count`` allows.
    """
    if text is None:
        return None
    try:
        found = tuple(float(word) for word in text.split(","))
    except ValueError:
        found = ()
    if len(found) not in count:
        how_many = " or ".join(map(str, count))
        raise WrongInput(f"{option} is '{text}': give {how_many} numbers with a comma between them, such as 0.3,0.3")
    return found


def names(texts: Sequence[str] | None) -> list[str | int] | None:
    """Names or numbers of structures, separated by commas or given one by one; None if there are none."""
    words = [word.strip() for text in texts or () for word in text.split(",") if word.strip()]
    return [int(word) if word.isdigit() else word for word in words] or None


def each(values: Sequence[Any] | None, option: str, views: int) -> list[Any]:
    """One value for each X-ray, from an option that was given not at all, once for all X-rays, or once for each.

    Raises
    ------
    WrongInput
        The option was given another number of times.
    """
    if not values:
        return [None] * views
    if len(values) not in (1, views):
        raise WrongInput(f"{option} is given {len(values)} times, and there are {views} X-rays: once, or once for each")
    return list(values) * views if len(values) == 1 else list(values)
