"""The file that a network is kept in."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from ..runtime import written_whole

FORMAT = "diffpose_nb pose regressor 1"


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The content of a file of :meth:`PoseRegressor.save` or :func:`diffpose_nb.train.fit`, or one clear error."""
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
    """``torch.save`` to a file that is either the old one or the new one, whatever happens."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as stream:
        torch.save(content, stream)
