"""Which worker registers which row.

A worker stays with its CT, since to read another one takes as long as to register several X-rays.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from .rows import Row

WORTH = 5
"""A worker that has nothing to do reads a CT that other workers have only if more than this number of its rows wait for
each of them. To read a chest CT takes about as long as to register so many X-rays."""


class Sharing:
    """The rows that wait, by their CT.

    Parameters
    ----------
    rows
        Rows that are still to be done.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._waiting: dict[tuple, deque[Row]] = {}
        self._at: dict[str, tuple] = {}
        for row in rows:
            self._waiting.setdefault(row.ct, deque()).append(row)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def take(self, worker: str) -> Row | None:
        """The next row for a worker. None if nothing waits, or nothing that is worth reading another CT for."""
        ct = self._at.get(worker)
        if ct not in self._waiting:
            ct = self._another()
        if ct is None:
            self._at.pop(worker, None)
            return None
        self._at[worker] = ct
        row = self._waiting[ct].popleft()
        if not self._waiting[ct]:
            del self._waiting[ct]
        return row

    def give_back(self, row: Row) -> None:
        """Let a row wait again that was taken and is not done."""
        self._waiting.setdefault(row.ct, deque()).appendleft(row)

    def forget(self, worker: str) -> None:
        """Note that a worker is gone, so that it no longer counts as having a CT."""
        self._at.pop(worker, None)

    def _another(self) -> tuple | None:
        """A CT that no worker has, the one with most rows first, so that the last to begin are short ones.

        If there is none, a CT that has many rows for each of its workers.
        """
        holders = Counter(self._at.values())
        free = [ct for ct in self._waiting if ct not in holders]
        if free:
            return max(free, key=lambda ct: len(self._waiting[ct]))
        share = {ct: len(rows) / holders[ct] for ct, rows in self._waiting.items()}
        ct = max(share, key=share.get, default=None)
        return ct if ct is not None and share[ct] > WORTH else None
