"""Sphinx extension: notebooks are executed several at a time, before the pages are read.

The environment variable ``BOOK_AT_ONCE`` says how many. 1, the default, leaves them to MyST-NB, which executes one
after the other, so that the times that some of them show are those of a machine with nothing else to do. ``make test``
does not read times, and runs two.

Pages are then read and written without garbage collection, which takes a third of the time and saves 1.5 GB of 3.3.

What was executed goes to the cache from which MyST-NB takes it. A notebook that fails is left to MyST-NB, which
executes it again and says what is wrong.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

VARIABLE = "BOOK_AT_ONCE"
THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
logger = logging.getLogger(__name__)


def execute(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute the notebooks that are about to be read and that the cache does not hold yet."""
    at_once = int(os.environ.get(VARIABLE) or 1)
    if at_once < 2 or app.config.nb_execution_mode != "cache":
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    waiting = {}
    for name in sorted(docnames, reverse=True):  # the later ones take longer; so the last to finish are short
        path = Path(env.doc2path(name))
        if path.suffix == ".ipynb":
            notebook = nbformat.read(path, as_version=4)
            try:
                cache.match_cache_notebook(notebook)
            except KeyError:
                waiting[path] = notebook
    with shared_cores(at_once), ThreadPoolExecutor(at_once) as pool:
        running = {
            pool.submit(single_nb_execution, notebook, str(path.parent), app.config.nb_execution_timeout, False): path
            for path, notebook in waiting.items()
        }
        for number, done in enumerate(as_completed(running), start=1):
            path, result = running[done], done.result()
            outcome = f"{result.time:.0f} s" if result.err is None else f"{type(result.err).__name__}, to be run again"
            logger.info("executed %s of %s: %s, %s", number, len(running), path.name, outcome)
            if result.err is None:
                record = cache.add_nb_to_project(str(path))
                bundle = CacheBundleIn(result.nb, record.uri, data={"execution_seconds": result.time})
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    gc.disable()


@contextmanager
def shared_cores(at_once: int) -> Iterator[None]:
    """Kernels that start meanwhile have their share of the cores, unless the user has said how many they get."""
    added = {name: str(max(1, (os.cpu_count() or 1) // at_once)) for name in THREADS if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("env-before-read-docs", execute)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
