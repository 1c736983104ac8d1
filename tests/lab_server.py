"""JupyterLab as ``make lab`` starts it, in a copy of the folder: a run saves the notebooks that it runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

ROOT = Path(__file__).parents[1]
START, STOP = 120, 30  # s; the longest that a server may take, on a busy machine
SHADOW = {"argv": ["false", "{connection_file}"], "display_name": "Python 3", "language": "python"}
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}
HOUR = 3600  # s; after so long without work a server ends by itself, should the tests have been killed
CONFIG = {
    "ServerApp": {"open_browser": False, "shutdown_no_activity_timeout": HOUR},
    "MappingKernelManager": {"cull_idle_timeout": HOUR, "cull_connected": True},
}
# make's own variables would reach the inner make, a screen or a browser would open one.
DROPPED = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "JUPYTER_PREFER_ENV_PATH", "MAKEFLAGS", "MAKELEVEL")


class Lab(NamedTuple):
    """A running server."""

    url: str
    """That it printed, without the token: of the notebook that it opens."""
    token: str
    folder: Path
    """What it serves: a copy of what ``make lab`` needs of the repository."""

    @property
    def base(self) -> str:
        """Of the server, without a slash at the end."""
        return self.url.partition("/lab")[0]

    def page(self, notebook: str) -> str:
        """Where a browser opens a notebook, by its path in the folder, in a Lab that has nothing else open."""
        return f"{self.base}/lab/tree/{notebook}?reset&token={self.token}"

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        """The answer of the server's API, of JSON; None where it says nothing."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.base}/api/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read() or "null")

    def stop_kernels(self) -> None:
        """Ends every session and kernel."""
        for session in self.ask("sessions"):
            self.ask(f"sessions/{session['id']}", method="DELETE")
        for kernel in self.ask("kernels"):
            self.ask(f"kernels/{kernel['id']}", method="DELETE")


@contextmanager
def serve(home: Path, folder: Path) -> Iterator[Lab]:
    """A server started without a screen, by a user whose home has a broken kernel named python3.

    Parameters
    ----------
    home
        An empty folder, which becomes the user's home.
    folder
        An empty folder, which becomes the copy.
    """
    _furnish(home)
    _copy(folder)
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    cache = os.environ.get("XDG_CACHE_HOME", str(Path("~/.cache").expanduser()))  # matplotlib's list of fonts
    log = home / "lab.log"
    with log.open("w") as file:
        server = subprocess.Popen(
            ["make", "-o", ".venv/.ready", "lab"],  # -o: take the environment as it is
            cwd=folder,
            env=kept | {"HOME": str(home), "XDG_CACHE_HOME": cache},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Lab(*_wait_for_url(server, log), folder)
    finally:
        _stop(server)


def _furnish(home: Path) -> None:
    for name in ("python3", "another"):
        kernel = home / ".local" / "share" / "jupyter" / "kernels" / name / "kernel.json"
        kernel.parent.mkdir(parents=True)
        kernel.write_text(json.dumps(SHADOW))
    settings = home / ".jupyter" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(NO_NEWS))
    (home / ".jupyter" / "jupyter_server_config.json").write_text(json.dumps(CONFIG))


def _copy(folder: Path) -> None:
    """Notebooks without what their runs left; the rest is not written to."""
    shutil.copytree(
        ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns("_work", ".ipynb_checkpoints")
    )
    shutil.copytree(ROOT / "book" / "images" / "openings", folder / "book" / "images" / "openings")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)


def _wait_for_url(server: subprocess.Popen, log: Path) -> tuple[str, str]:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and server.poll() is None:
        found = re.search(r"(http://127\S+)\?token=(\w+)", log.read_text())
        if found:
            return found.group(1), found.group(2)
        time.sleep(0.2)
    pytest.fail(log.read_text()[-2000:])


def _stop(server: subprocess.Popen) -> None:
    """Ends make, the server and its kernels, which are in groups of their own; kindly, then not."""
    try:
        processes = psutil.Process(server.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        processes = []
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
    _, left = psutil.wait_procs(processes, timeout=STOP)
    for process in left:
        process.kill()
    server.wait(timeout=STOP)
