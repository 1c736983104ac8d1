"""Progress bars that can be switched off by an argument as well as by the environment."""

from __future__ import annotations

from typing import Any

from tqdm.auto import tqdm


def progress_bar(*args: Any, show: bool = True, **kwargs: Any) -> tqdm:
    """A progress bar ``tqdm(…)`` that disappears when it is done. With ``show=False`` nothing is drawn.

    With ``show=True`` the argument ``disable`` is left out, because ``disable=False`` would overrule the environment
    variable ``TQDM_DISABLE``, with which the book is built without bars.
    """
    return tqdm(*args, leave=False, **kwargs, **({} if show else {"disable": True}))
