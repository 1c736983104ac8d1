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


def finish(bar: tqdm) -> None:
    """Tell a bar that all is done, although its total was not reached: a search that converges needs fewer steps.

    In JupyterLab a bar that is closed before its total stays on the page, in red, as of something that failed.
    """
    bar.total = bar.n
