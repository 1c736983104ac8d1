"""HDF5 files of public sets: opened, and read piece by piece, with errors that say what is wrong with the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from .errors import SetError, SetNotHereError

TWIN = "about"
"""Attribute at the root of a twin: a sentence that says what the file is. The published files do not have it."""


@contextmanager
def opened(path: str | Path, instead: str) -> Iterator[h5py.File]:
    """Open a file for reading.

    Parameters
    ----------
    path
        The file.
    instead
        What to do if it is missing, for the message: one or two sentences.

    Raises
    ------
    SetNotHereError
        There is no such file.
    SetError
        It was cut short, or it is no HDF5 file.
    """
    path = Path(path)
    if not path.is_file():
        raise SetNotHereError(f"{path}: there is no such file. {instead}")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise SetError(f"{path}: {_cause(path, str(error))}") from error
    with file:
        yield file


def child(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """What a group holds under a name.

    Raises
    ------
    SetError
        It holds nothing under this name. The message says what it holds instead.
    """
    found = group.get(name)
    if found is None:
        *parents, last = name.split("/")
        nearest = group
        for parent in parents:
            if parent not in nearest or not isinstance(nearest[parent], h5py.Group):
                last = parent
                break
            nearest = nearest[parent]
        shown = ", ".join(list(nearest)[:12]) or "nothing"
        raise SetError(
            f"{group.file.filename}: in {nearest.name} there is no {last!r}, which the published file has; there is "
            f"{shown}. Is it the file that the set publishes, whole and unchanged?"
        )
    return found


def array(group: h5py.Group, name: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """An array of a group; with ``shape``, reshaped to it.

    Raises
    ------
    SetError
        It is missing, is no array, has another number of elements, or cannot be read.
    """
    found = child(group, name)
    if not isinstance(found, h5py.Dataset):
        raise SetError(f"{group.file.filename}: {found.name} is a group, and the published file has an array there")
    try:
        values = np.asarray(found[()])
    except OSError as error:
        raise SetError(
            f"{group.file.filename}: {found.name} cannot be read, so the file is damaged there ({error}). Download or "
            "copy it anew"
        ) from error
    if shape is None:
        return values
    if values.size != np.prod(shape, dtype=int):
        raise SetError(
            f"{group.file.filename}: {found.name} is {values.shape}, and the published file has {shape} there"
        )
    return values.reshape(shape)


def number(group: h5py.Group, name: str) -> float:
    """A single number of a group, with the errors of :func:`array`."""
    return float(array(group, name, ()))


def _cause(path: Path, error: str) -> str:
    """What is the matter with a file that HDF5 does not open."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        first = stream.read(4)
    if cut := re.search(r"stored_eof = (\d+)", error):
        whole = int(cut[1])
        return (
            f"the file was cut short: it has {size} of {whole} bytes ({size / whole:.0%}). Download or copy it anew; "
            "a download that broke off can go on where it stopped"
        )
    if first == b"PK\x03\x04":
        return "this is a ZIP archive. Unpack it and give the .h5 file that is in it"
    if size == 0:
        return "the file is empty. Download or copy it anew"
    return f"this is no HDF5 file: it begins with {first!r}. A server's error page may have been saved in its place"
