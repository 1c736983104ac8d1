"""A job for requests that come faster than they can be answered, such as those of a slider that moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Newest:
    """Runs a job a short time after it was requested, only once for all requests of that time.

    The job reads its input when it runs, and so works on the newest state. Requests that come while it runs are
    answered together by the next run. If there is an event loop, as in a notebook, jobs run on its thread; on some
    systems 3D drawing works on this thread only. If there is none, as in a script, a job runs as soon as it is
    requested.

    Parameters
    ----------
    job
        The function to call.
    delay
        Time between a request and the job, seconds.
    rest
        True: run the job once no request has come for ``delay``. False: run it ``delay`` after the first request.
    """

    def __init__(self, job: Callable[[], None], delay: float, *, rest: bool = False) -> None:
        self._job, self._delay, self._rest = job, delay, rest
        self._timer: asyncio.TimerHandle | None = None
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def request(self) -> None:
        """Request the job. This may be called from any thread."""
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
