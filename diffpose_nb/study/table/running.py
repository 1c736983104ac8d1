"""A study from its table to its results."""

from __future__ import annotations

import queue
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from ...runtime import progress_bar
from .one_row import register_row
from .page import write_page
from .results import open_log, read_log, table_of, write_results
from .rows import Row, read_table
from .sharing import Sharing
from .workers import ClusterError, cluster_workers, default_workers, local_workers

if TYPE_CHECKING:
    from distributed import Client, Future

_ANEW = 1.1
"""The tables and the page are written again when the number of rows has grown by this factor. Over a whole study, this
writes every row about ten times, however many rows there are."""
DEATHS = 3
"""A row has failed when so many workers, one after the other, died while they registered it."""
_KILLED = (
    f"{DEATHS} processes were killed while they registered this row, most often for want of memory: take fewer "
    "workers, or a smaller CT, and run the study again with retry."
)
_LOOK = 1.0
"""Seconds after which the list of workers is looked at again."""
_FETCH = 60.0
"""Seconds to wait for the result of a row that is done. If none arrives, the worker has died in the meantime."""

_LOCK = ".lock"


class FolderInUseError(RuntimeError):
    """Another process is writing its results into the folder of this study."""


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """A context in which no other process writes to the folder of a study. The folder is made if it does not exist.

    The operating system holds the lock, so the lock ends with the process, even if that is killed.

    Raises
    ------
    FolderInUseError
        Another process is writing to the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FolderInUseError(
            f"{folder} is in use: another study is writing its results there. Wait for its end, stop it, or name "
            "another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()


def register_table(
    table: str | Path,
    folder: str | Path,
    *,
    workers: int | None = None,
    cluster: str | Path | None = None,
    anywhere: bool = False,
    retry: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Register every X-ray of a table, in several processes or on a cluster.

    The folder gets ``results.parquet``, ``results.csv`` and ``summary.html``, and ``log.jsonl``, to which each row is
    added as soon as it is done. Called again with the same folder, the study goes on where it stopped, also after a
    power cut: rows that are in the log are not registered again. A row that has changed in the table is a new row.

    Parameters
    ----------
    table
        A CSV file, see :data:`diffpose_nb.study.table.rows.COLUMNS`.
    folder
        Where the results go. It is made if it does not exist.
    workers
        Number of processes. Default as many as the cores and the memory of this computer allow. With ``cluster``, it is
        the number of processes of all jobs together, and has to be given.
    cluster
        A YAML file that describes the jobs of a cluster, see :func:`diffpose_nb.study.table.workers.queue_cluster`.
    anywhere
        Whether paths in the table may be absolute or lead out of its folder.
    retry
        Whether rows that failed before are registered again.
    progress
        Show a progress bar, and say where Dask's dashboard is.

    Returns
    -------
    DataFrame
        One row for each row of the table, in its order, with the columns of
        :data:`diffpose_nb.study.table.results.FOUND` added.

    Raises
    ------
    TableError
        Before anything runs, with every bad row, see :func:`diffpose_nb.study.table.rows.read_table`.
    ClusterError
        The YAML file cannot be used, or ``workers`` is not given with it.
    FolderInUseError
        Another study is writing into this folder.
    ValueError
        ``workers`` is less than 1.
    KeyboardInterrupt
        After an interrupt; the results so far are written.
    """
    rows, folder = read_table(table, anywhere=anywhere), Path(folder)
    if workers is not None and workers < 1:
        raise ValueError(f"workers is {workers}: a study needs at least one")
    if cluster is not None and workers is None:
        raise ClusterError("workers is not given: with a cluster, say how many processes its jobs have together")
    with only_writer(folder):
        found = read_log(folder)
        todo = [row for row in rows if row.key not in found or (retry and found[row.key].get("error"))]
        study = _Study(rows, folder, found)
        if not todo:
            return study.write()
        number = workers or default_workers(len(todo))
        processes = local_workers(number) if cluster is None else cluster_workers(cluster, number)
        bar = progress_bar(total=len(rows), initial=len(rows) - len(todo), desc="X-rays", unit="", show=progress)
        with open_log(folder) as log, bar, processes as client:
            if progress:
                tqdm.write(f"{number} worker{'s' * (number > 1)}; dashboard: {client.dashboard_link}")
            try:
                for entry in run(client, todo, register_row):
                    log.add(entry)
                    study.add(entry)
                    bar.set_postfix(study.counts, refresh=False)
                    bar.update()
            finally:
                results = study.write()
    return results


class _Study:
    """The rows that are done, and the files made of them."""

    def __init__(self, rows: list[Row], folder: Path, found: dict[str, dict[str, object]]) -> None:
        self._rows, self._folder, self._found = rows, folder, found
        self._written, self.counts = len(found), Counter()

    def add(self, entry: dict[str, object]) -> None:
        self._found[entry["key"]] = entry
        self.counts["failed" if entry.get("error") else entry["judgement"]] += 1
        if len(self._found) > _ANEW * self._written + 1:
            self.write()

    def write(self) -> pd.DataFrame:
        self._written = len(self._found)
        results = write_results(self._folder, table_of(self._rows, self._found))
        write_page(self._folder, results, len(self._rows))
        return results


def run(client: Client, rows: list[Row], function: Callable[[Row], dict[str, object]]) -> Iterator[dict[str, object]]:
    """What a function finds for each row, in the order in which they end.

    Each worker has one row at a time, so that the scheduler never knows of more rows than there are workers, and rows
    of one CT go to the workers that have it. A row whose worker dies is begun again on another one, but after
    :data:`DEATHS` of them it is a row that failed.
    """
    sharing, done = Sharing(rows), queue.SimpleQueue()
    running: dict[Future, tuple[str, Row]] = {}
    alive: set[str] = set()
    deaths: Counter[str] = Counter()
    looked = 0.0
    while sharing or running:
        if time.monotonic() - looked > _LOOK:
            now, looked = set(client.scheduler_info(n_workers=-1)["workers"]), time.monotonic()
            for worker in alive - now:
                sharing.forget(worker)
            alive = now
            for future in [future for future, (worker, _) in running.items() if worker not in alive]:
                # Dask would wait for this very worker
                _, row = running.pop(future)
                future.cancel()
                deaths[row.key] += 1
                if deaths[row.key] < DEATHS:
                    sharing.give_back(row)
                else:
                    yield {"key": row.key, "error": _KILLED}
        for worker in alive - {worker for worker, _ in running.values()}:
            row = sharing.take(worker)
            if row is not None:
                future = client.submit(function, row, workers=[worker], pure=False)
                running[future] = worker, row
                future.add_done_callback(done.put)
        try:
            future = done.get(timeout=_LOOK)
        except queue.Empty:
            continue
        if future in running and future.done():
            _, row = running.pop(future)
            try:
                yield future.result(timeout=_FETCH)
            except (TimeoutError, CancelledError):  # its worker died with the result, or the connection was lost
                sharing.give_back(row)
            except Exception as error:  # of Dask: the function itself raises none
                yield {"key": row.key, "error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
        future.release()
