import os

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores; before numba and torch read these
    for threads in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(threads, "1")

import gc
import shutil
from pathlib import Path

import pytest
import torch
from lab_server import serve
from playwright.sync_api import sync_playwright

from diffpose_nb import ct

ROOT = Path(__file__).parents[1]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MEASURED = "measured"
NO_CHROMIUM = "chromium is missing: apt install chromium, or .venv/bin/python -m playwright install chromium"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With ``-n 2 --dist loadfile`` a file's tests stay in one process, but for a few: see :func:`group_of`."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group_of(nodeid)

    return Groups(config, log)


def group_of(nodeid):
    """Tests of one group run in one process, one after the other; each test that is a group alone runs anywhere."""
    path, _, test = nodeid.partition("::")
    if "/browser/" in path or path.endswith("/test_lab.py"):
        return "one server of JupyterLab"
    if path.endswith(("/test_study_workers.py", "/test_study_tables.py")):
        return "workers that would time each other out"
    return nodeid if test.startswith("test_the_solutions_are_right[") else path


def pytest_collection_finish():
    """Take what imports and collection have made, a million objects, out of the garbage collector's rounds."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish():
    gc.unfreeze()  # else extensions complain at the end that their objects were never freed


@pytest.fixture(scope="session")
def example():
    """The chest CT; loading it takes seconds, so tests share it and leave it as it is."""
    return ct.example()


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(7)


@pytest.fixture(scope="session")
def outside_program():
    """Finds a program that pip does not install. Where it is missing: a skip; under REQUIRE_EXTERNALS=1 a failure."""

    def find(name, package):
        path = shutil.which(name)
        if path is None:
            _missing(f"{name} is missing: apt install {package}")
        return path

    return find


@pytest.fixture(scope="session")
def chromium():
    """Path of a Chromium: the system's, or else the one that Playwright has fetched."""
    for name in CHROMIUM:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not Path(path).exists():
        _missing(NO_CHROMIUM)
    return path


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """What ``make lab`` starts, once for all tests: a :class:`lab_server.Lab`."""
    if shutil.which("make") is None or not (ROOT / ".venv" / "bin" / "python").exists():
        _missing("make, and the .venv that it makes, are missing: apt install make, then make test")
    with serve(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def html():
    """The folder of built pages.

    Without it, or with one older than its sources, a test skips, or fails under REQUIRE_BOOK=1.
    """
    problem = _what_is_wrong_with_the_book()
    if problem and os.environ.get("REQUIRE_BOOK") == "1":
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)
    return ROOT / "book" / "_build" / "html"


@pytest.fixture
def measured(record_property):
    """Notes a sentence with a measured time, for the summary at the end and for reports."""
    return lambda sentence: record_property(MEASURED, sentence)


def pytest_terminal_summary(terminalreporter):
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    sentences = [
        value for report in reports for name, value in getattr(report, "user_properties", []) if name == MEASURED
    ]
    if sentences:
        terminalreporter.section("measured")
        for sentence in dict.fromkeys(sentences):
            terminalreporter.write_line(sentence)


def _missing(message):
    if os.environ.get("REQUIRE_EXTERNALS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def _what_is_wrong_with_the_book():
    book = ROOT / "book"
    built = book / "_build" / "html" / "searchindex.js"
    if not built.exists():
        return "the book is not built: make book"
    sources = [book / "_config.yml", book / "_toc.yml", *book.glob("*.md"), *book.glob("api/*.md")]
    sources += [*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "diffpose_nb").rglob("*.py")]
    newer = [path for path in sources if path.stat().st_mtime > built.stat().st_mtime]
    return f"the book is older than {newer[0].relative_to(ROOT)}: make book" if newer else None
