"""Arrays that are kept on the disk, because making them takes longer than reading them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from .files import written_whole

VARIABLE = "DIFFPOSE_NB_CACHE"
"""The environment variable that names the folder in which arrays are kept. Without it they lie where numba keeps what
it has compiled, in ``__pycache__`` in the folder of the package, or, if nobody may write there, in the user's cache."""
_PACKAGE = Path(__file__).parents[1]
_LEFT = 3600
"""Seconds after which a folder that is still being written is taken for one that nobody goes on with."""


def kept_arrays(
    name: str, key: str, make: Callable[[], Mapping[str, np.ndarray]], at_most: int | None = None
) -> dict[str, np.ndarray]:
    """What ``make()`` returns, or what it returned before for the same key, from the disk.

    Arrays from the disk are mapped into memory: nothing is read before it is used, and processes share what they read.
    They can be written to, and the changes stay in this process. Of each name only the newest key is kept.

    If the disk is full, or the folder cannot be written, the arrays are made at every call, without a message. Several
    processes may make the same arrays at once: each writes to a folder of its own, which is renamed when it is whole.

    Parameters
    ----------
    name
        What the arrays are, as a part of the name of their folder.
    key
        What the arrays depend on: a :func:`fingerprint`.
    make
        Makes the arrays, by name; none of them of Python objects.
    at_most
        Largest number of names that are kept at the same time, of those that begin with the same word up to a full
        stop. What they kept for another key is deleted and does not count. None: no limit.
    """
    folder = _folder() / f"{name}-{key}"
    with suppress(OSError, ValueError, EOFError):  # it is not there, or something else has cut it short
        if found := {path.stem: np.asarray(np.load(path, mmap_mode="c")) for path in folder.iterdir()}:
            return found
    made = {key: np.asanyarray(values) for key, values in make().items()}
    with suppress(OSError):
        if at_most is None or _alike(name, key) < at_most:
            _keep(name, folder, made)
    return made


def fingerprint(*things: Path | str | bytes) -> str:
    """Sixteen hexadecimal digits that change with the content of the files, the texts and the bytes."""
    digest = hashlib.sha256()
    for thing in things:
        content = thing.read_bytes() if isinstance(thing, Path) else thing.encode() if isinstance(thing, str) else thing
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def _folder() -> Path:
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).expanduser()
    if os.access(_PACKAGE, os.W_OK):
        return _PACKAGE / "__pycache__"
    import pooch  # here, because it is seldom needed

    return Path(pooch.os_cache("diffpose_nb"))


def _alike(name: str, key: str) -> int:
    """How many names are kept that begin with the same word; those of another key are deleted."""
    alike = list(_folder().glob(f"{name.partition('.')[0]}.*"))
    for folder in alike:
        if not folder.name.endswith(f"-{key}"):
            shutil.rmtree(folder, ignore_errors=True)
    return sum(folder.name.endswith(f"-{key}") for folder in alike)


def _keep(name: str, folder: Path, made: Mapping[str, np.ndarray]) -> None:
    """Write into a new folder, which is then given its name in one step; folders of older keys are deleted."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{name}-*"):  # of a process that was killed while it wrote
        if time.time() - left.stat().st_mtime > _LEFT:
            shutil.rmtree(left, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    try:
        fresh.chmod(0o755)  # others may read it, as they may read the package
        for key, values in made.items():
            with written_whole(fresh / f"{key}.npy") as stream:
                np.save(stream, values, allow_pickle=False)
        for old in folder.parent.glob(f"{name}-*"):
            shutil.rmtree(old, ignore_errors=True)  # who has mapped its files keeps what they held
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
