"""The file in which a network is kept."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from ..runtime import written_whole

FORMAT = "diffpose_nb pose regressor 1"


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The content of a file that :meth:`PoseRegressor.save` or :func:`diffpose_nb.train.fit` wrote.

    Raises
    ------
    ValueError
        The file is missing, cannot be read, or was not written by one of these.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file; diffpose_nb.train.fit(…) writes one") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path}: cannot be read as a checkpoint ({type(error).__name__}); it was cut short or is something else"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format", "no format") if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"{path}: holds {found!r} and not {FORMAT!r}; it was not written by diffpose_nb.train")
    return content


def write_checkpoint(path: str | Path, content: dict[str, Any]) -> None:
    """Write by ``torch.save``. If writing fails or is interrupted, the old file is still there, unchanged."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as stream:
        torch.save(content, stream)
