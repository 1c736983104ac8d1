"""Requests that come faster than they can be answered: only the newest counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Newest:
    """Runs a job soon after it was asked for, once for all requests that came meanwhile.

    The job reads what it needs when it runs, and so works on the newest state. While it runs, requests gather behind
    it; they are answered together. Where an event loop runs, as in a notebook, jobs run on its thread, which is the one
    that 3D drawing needs on some systems. Without one (a script) they run at once.

    Parameters
    ----------
    job
        What to do.
    delay
        Seconds between a request and the job.
    rest
        Wait until no request has come for ``delay``, rather than run ``delay`` after the first.
    """

    def __init__(self, job: Callable[[], None], delay: float, *, rest: bool = False) -> None:
        self._job, self._delay, self._rest = job, delay, rest
        self._timer: asyncio.TimerHandle | None = None
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def request(self) -> None:
        """Ask for the job; from any thread."""
        if self._loop is None:
            self._job()
        else:
            self._loop.call_soon_threadsafe(self._set_timer)

    def _set_timer(self) -> None:
        if self._timer is not None:
            if not self._rest:
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(self._delay, self._run)

    def _run(self) -> None:
        self._timer = None
        self._job()
