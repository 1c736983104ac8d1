"""A fence round code that is graded: the code opens no files but the lab's own, and starts no other program.

The fence stops what students do carelessly or out of curiosity, and tells them why. It does not stop someone who knows
Python well and means harm. Whoever grades the work of strangers should run nbgrader in a container as well.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
_SYSTEM = ("/usr", "/lib", "/lib64", "/dev", "/proc", "/sys", "/etc/fonts", "/etc/localtime", "/etc/mime.types")
_OF_THE_KERNEL = ("~/.ipython", "~/.jupyter", "~/.local/share/jupyter", "~/.config/matplotlib")
_WRITING = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.truncate", "os.utime"}
_WRITING |= {"os.symlink", "os.link", "shutil.rmtree", "shutil.move", "shutil.copyfile"}
_STARTING = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"}
_STARTING |= {"pty.spawn"}
_WIRE = {"socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "ftplib.connect", "http.client.connect"}
_BYTECODE = (".nbi", ".nbc", ".pyc")


class Fence:
    """The places that may be read and written. Anything else raises a PermissionError that says why.

    Parameters
    ----------
    lab
        The lab's folder: what lies in it may be read and written.
    """

    def __init__(self, lab: Path) -> None:
        temporary = [tempfile.gettempdir(), os.environ.get("XDG_CACHE_HOME", "~/.cache")]
        libraries = [sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), str(PACKAGE)]
        libraries += [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
        self.lab = lab.resolve()
        self._written = _resolved([str(self.lab), *temporary, *_OF_THE_KERNEL])
        self._read = _resolved([*libraries, *_SYSTEM]) + self._written
        self._course = self.lab.parents[2] if len(self.lab.parents) > 2 else self.lab

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook, see :func:`sys.addaudithook`."""
        __tracebackhide__ = True  # IPython then shows the student's line, and not these
        if event == "open":
            path, mode, flags = arguments
            writes = isinstance(mode, str) and set(mode) & set("wax+")
            writes = writes or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR))
            self._require(path, bool(writes))
        elif event in _WRITING:
            self._require(arguments[0], True)
        elif event in ("os.listdir", "os.scandir"):
            self._require_listing(arguments[0])
        elif event in _STARTING:
            raise PermissionError(f"stopped: a lab starts no other program ({event})")
        elif event in _WIRE:
            raise PermissionError(f"stopped: a lab asks nothing of the network ({event})")

    def _require(self, path: Any, writes: bool) -> None:
        __tracebackhide__ = True
        place = _place(path)
        if place is None or _within(place, self._written):
            # the course itself may lie in a temporary folder: only the lab's own part of it is open
            if place is None or not _within(place, [self._course]) or _within(place, [self.lab]):
                return
        elif _within(place, self._read) and (not writes or place.suffix in _BYTECODE or "__pycache__" in place.parts):
            return
        verb = "write" if writes else "read"
        raise PermissionError(
            f"stopped: a submission may {verb} only what lies in its own folder.\nNot part of this lab: {place}"
        )

    def _require_listing(self, path: Any) -> None:
        __tracebackhide__ = True
        place = _place("." if path is None else path)
        if place and _within(place, [self._course]) and not _within(place, [self.lab]):
            raise PermissionError(f"stopped: {place} is not part of this lab, whose folder may be listed and no other")


def raise_fence(lab: str) -> None:
    """Fence in this interpreter until it ends: an audit hook cannot be taken away again."""
    sys.addaudithook(Fence(Path(lab)))


def _resolved(places: Iterable[str]) -> list[Path]:
    return [Path(os.path.realpath(os.path.expanduser(place))) for place in places]  # noqa: PTH111 - no audit events


def _place(path: Any) -> Path | None:
    """Where a path leads, None for an open file's number and for what is no path."""
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    return Path(os.path.realpath(os.fsdecode(path)))


def _within(place: Path, folders: Iterable[Path]) -> bool:
    return any(place == folder or folder in place.parents for folder in folders)
