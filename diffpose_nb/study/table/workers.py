"""The processes that register rows: of this computer, or the jobs of a cluster. Both are Dask's."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import yaml

if TYPE_CHECKING:
    from dask_jobqueue import JobQueueCluster
    from distributed import Client

KINDS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster"}
"""Queue → class of dask-jobqueue."""
_MEMORY = 3e9
"""Bytes for a worker: 1 GB for PyTorch, the rest for a chest CT and what is prepared of it."""
_THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_DASK = {
    # rows are given out one by one, each to the worker that has its CT: nothing is to be moved
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.multiprocessing-method": "spawn",
    # a worker that is paused for want of memory would wait for ever, since its memory is one CT
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}
_EXAMPLE = "jobqueue:\n  slurm:\n    cores: 4\n    memory: 12GB\n    walltime: '04:00:00'"


class ClusterError(ValueError):
    """A file that describes a cluster cannot be used. The message names the file and what would mend it."""


def default_workers(rows: int) -> int:
    """As many processes as this computer has cores and memory for, and not more than there are rows."""
    fitting = int(psutil.virtual_memory().available // _MEMORY)
    return max(1, min(_cores(), fitting, rows))


@contextmanager
def local_workers(workers: int) -> Iterator[Client]:
    """Processes of this computer, each with its share of the cores."""
    import dask
    from distributed import Client, LocalCluster

    # before the start: numba and PyTorch read these when they are imported
    settings = _DASK | {"distributed.nanny.pre-spawn-environ": _local_threads(workers)}
    with (
        dask.config.set(settings),
        _quiet(),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address="localhost:8787",
            silence_logs=logging.ERROR,  # that a worker died is told by its row
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def cluster_workers(path: str | Path, workers: int) -> Iterator[Client]:
    """The jobs of a cluster, started by dask-jobqueue. A job that ends, at its walltime for instance, is replaced."""
    import dask
    from distributed import Client

    with dask.config.set(_DASK), _quiet(), queue_cluster(path) as cluster, Client(cluster) as client:
        cluster.adapt(minimum=workers, maximum=workers)
        yield client


def queue_cluster(path: str | Path) -> JobQueueCluster:
    """The cluster that a YAML file describes, before any job is submitted.

    Parameters
    ----------
    path
        A file in the form of dask-jobqueue's own ``jobqueue.yaml``: under ``jobqueue``, one of :data:`KINDS`, and under
        it arguments of the class, such as ``queue``, ``cores``, ``memory``, ``walltime``, ``job_extra_directives``.
        Without ``processes`` a job has as many workers as cores.

    Raises
    ------
    ClusterError
        The file is missing, is no such YAML, or names an argument that dask-jobqueue does not have.
    """
    import dask_jobqueue

    kind, arguments = _described(Path(path))
    cores = arguments["cores"]
    processes = arguments.setdefault("processes", cores)
    # seconds that a worker looks for its scheduler; the first import from a busy shared disk takes minutes
    arguments.setdefault("death_timeout", 600)
    environment = dict.fromkeys(_THREADS, max(1, cores // processes)) | {
        f"DASK_{name.upper().replace('.', '__').replace('-', '_')}": str(value) for name, value in _DASK.items()
    }
    exports = [f"export {name}={value}" for name, value in environment.items()]
    arguments["job_script_prologue"] = [*exports, *arguments.get("job_script_prologue", ())]
    # one row at a time in a worker: what has more cores uses them within the renderer
    arguments["worker_extra_args"] = [*arguments.get("worker_extra_args", ()), "--nthreads", "1"]
    try:
        return getattr(dask_jobqueue, KINDS[kind])(**arguments)
    except (TypeError, ValueError) as error:
        raise ClusterError(f"{path}: dask-jobqueue refuses what is under {kind}: {error}") from error


def job_script(path: str | Path) -> str:
    """The script that a YAML file makes of one job. Nothing is submitted.

    Raises
    ------
    ClusterError
        See :func:`queue_cluster`.
    """
    with _quiet(), queue_cluster(path) as cluster:
        return cluster.job_script()


def _described(path: Path) -> tuple[str, dict[str, Any]]:
    """The queue, and its arguments."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ClusterError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from None
    queues = content.get("jobqueue") if isinstance(content, dict) else None
    if not isinstance(queues, dict) or len(queues) != 1 or next(iter(queues)) not in KINDS:
        raise ClusterError(
            f"{path}: under jobqueue it has to hold one of {', '.join(KINDS)} with its settings, for instance:\n"
            + _EXAMPLE
        )
    ((kind, arguments),) = queues.items()
    missing = [name for name in ("cores", "memory") if not isinstance(arguments, dict) or not arguments.get(name)]
    if missing:
        raise ClusterError(f"{path}: {' and '.join(missing)} missing under {kind}, for instance:\n{_EXAMPLE}")
    if not isinstance(arguments["cores"], int):
        raise ClusterError(f"{path}: cores is {arguments['cores']!r}: it is the number of cores of one job")
    return kind, dict(arguments)


def _local_threads(workers: int) -> dict[str, str]:
    """Limits of threads for each worker. Who has set a lower one for this process keeps it."""
    fair = max(1, _cores() // workers)
    limits = {name: os.environ.get(name, "") for name in _THREADS}
    return {name: str(min(fair, int(own)) if own.isdigit() else fair) for name, own in limits.items()}


def _cores() -> int:
    """The cores that this process may use, which in a container or a job are fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warning that the dashboard has another port because its usual one is taken; its address is shown."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Port .* is already in use")
        yield
