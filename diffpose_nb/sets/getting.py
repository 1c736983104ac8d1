"""Files of public sets: found on the disk, or downloaded into the user's cache."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests

from ..runtime import progress_bar, write_text_whole
from .errors import SetError, SetNotHereError
from .patient import Publication

VARIABLE = "DIFFPOSE_NB_DATA"
"""The environment variable that names the folder in which sets lie and into which they are downloaded."""
_CHUNK = 1 << 16
_TIMEOUT = (10, 60)
"""Seconds without an answer: while connecting, and between two pieces of a file."""


@dataclass(frozen=True)
class Remote:
    """A file that a set publishes.

    Parameters
    ----------
    name
        Its name on this machine.
    address
        Where it is downloaded from.
    sha256
        Its SHA-256, 64 hexadecimal digits. None: none is published; that of the first download is written beside the
        file and later downloads are compared with it.
    megabytes
        Its size, which is told before the download.
    """

    name: str
    address: str
    sha256: str | None
    megabytes: float


def data_folder(name: str) -> Path:
    """The folder of a set: in that which ``DIFFPOSE_NB_DATA`` names, otherwise in the user's cache."""
    return Path(os.environ.get(VARIABLE) or pooch.os_cache("diffpose_nb")).expanduser() / name


def fetch(remote: Remote, folder: str | Path, publication: Publication, *, progress: bool = True) -> Path:
    """The path of a published file in a folder; it is downloaded if it does not lie there yet.

    A download that was cut short goes on where it stopped: in this call as long as something arrives, or in the next.
    The file is in its place only when it is whole and its checksum is right.

    Parameters
    ----------
    remote
        The file.
    folder
        Where it lies or is put, see :func:`data_folder`. The folder is made if it does not exist.
    publication
        Whose licence is printed before the download.
    progress
        Show a progress bar.

    Raises
    ------
    SetNotHereError
        The file is not there and cannot be downloaded: no network, an error of the server, or a folder that cannot be
        written.
    SetError
        The file, found or downloaded, is not the published one: its SHA-256 is another.
    """
    path = Path(folder) / remote.name
    if path.exists():
        _require_published(path, remote)
        return path
    publication.announce()
    print(f"Downloading {remote.name} ({remote.megabytes:.3g} MB) to {path.parent}")
    expected = remote.sha256 or _recorded(path)
    try:
        with _silent(pooch.get_logger()):
            pooch.retrieve(
                remote.address,
                None if expected is None else f"sha256:{expected}",
                fname=remote.name,
                path=path.parent,
                downloader=_Resuming(path.with_name(f"{path.name}.part"), progress),
            )
    except (requests.RequestException, OSError) as error:
        raise SetNotHereError(
            f"{path}: the file is not there, and it could not be downloaded from {remote.address} "
            f"({_cause(error)}). Download it on a machine with a network and put it there, or name the folder in which "
            f"{path.parent.name}/{remote.name} lies with the environment variable {VARIABLE}. If the network comes "
            "back, call this again: what has arrived is kept."
        ) from error
    except ValueError as error:  # pooch's word for another checksum; what was downloaded is deleted by then
        raise SetError(
            f"{remote.address}: what was downloaded is not the published {remote.name} ({error}); nothing of it was "
            "kept. Try again; if it stays so, the file was changed at its source."
        ) from error
    if remote.sha256 is None and expected is None:
        write_text_whole(_record(path), f"{pooch.file_hash(str(path))}\n")
    return path


def _require_published(path: Path, remote: Remote) -> None:
    if remote.sha256 is None:
        return
    found = pooch.file_hash(str(path))
    if found != remote.sha256:
        raise SetError(
            f"{path}: this is not the published file: its SHA-256 is {found}, that of the published one is "
            f"{remote.sha256}. Move it away, and it is downloaded from {remote.address}"
        )


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """Pooch tells about downloads what was told already."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _recorded(path: Path) -> str | None:
    """The SHA-256 of an earlier download of a file for which none is published."""
    record = _record(path)
    return record.read_text(encoding="utf-8").split()[0] if record.exists() else None


def _cause(error: Exception) -> str:
    """A network's error in a few words."""
    if isinstance(error, requests.HTTPError):
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return "no connection"
    if isinstance(error, requests.RequestException):
        return "the connection broke off"
    return str(error)


class _Resuming:
    """A downloader for pooch that keeps what has arrived in a file of its own and asks only for the rest."""

    def __init__(self, part: Path, progress: bool) -> None:
        self.part, self.progress = part, progress

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        while True:
            before = self._arrived()
            try:
                self._continue(url)
                break
            except requests.RequestException:
                if self._arrived() <= before:  # nothing more came: the connection did not merely break off
                    raise
        self.part.replace(output_file)

    def _arrived(self) -> int:
        """The number of bytes that have arrived."""
        return self.part.stat().st_size if self.part.exists() else 0

    def _continue(self, url: str) -> None:
        have = self._arrived()
        headers = {"Range": f"bytes={have}-"} if have else {}
        # "identity": a compressed answer has another length than the file
        headers["Accept-Encoding"] = "identity"
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                # nothing is left to ask for: the file had arrived whole, or it is another one by now, which the
                # checksum tells
                return
            answer.raise_for_status()
            if answer.status_code != requests.codes.partial_content:
                have = 0  # the server cannot resume and sends the whole
            size = int(answer.headers.get("Content-Length", 0)) + have
            with (
                self.part.open("ab" if have else "wb") as stream,
                progress_bar(total=size or None, initial=have, unit="B", unit_scale=True, show=self.progress) as bar,
            ):
                for chunk in answer.iter_content(_CHUNK):
                    stream.write(chunk)
                    bar.update(len(chunk))
