"""Progress bars that can be switched off by an argument as well as by the environment."""

from __future__ import annotations

from typing import Any

from tqdm.auto import tqdm


def progress_bar(*args: Any, show: bool = True, **kwargs: Any) -> tqdm:
    """``tqdm(…)`` that leaves nothing behind when it is done; with ``show=False`` it draws nothing.

    A bar that may be shown says nothing of ``disable``: ``disable=False`` would overrule ``TQDM_DISABLE``, by which the
    book is built without bars.
    """
    return tqdm(*args, leave=False, **kwargs, **({} if show else {"disable": True}))
