"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_whole(path: str | Path) -> Iterator[BinaryIO]:
    """Open a stream that writes a file. At the end the file is in place; if anything fails, an old file is unchanged.

    The content goes to a new file in the same folder and is flushed to the disk. The new file then replaces the old one
    in one step.

    Parameters
    ----------
    path
        The file to write, in a folder that exists.

    Raises
    ------
    OSError
        The system cannot write there.
    """
    path = Path(path)
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def write_text_whole(path: str | Path, text: str) -> None:
    """Write a text in UTF-8 with :func:`written_whole`. The folder is made if it does not exist."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as stream:
        stream.write(text.encode())
