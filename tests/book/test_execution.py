"""Notebooks run again when the package under them has changed, and only then."""

import importlib.util
import os
import subprocess
import sys

import nbformat
import pytest
from the_book import BOOK

EXTENSIONS = BOOK / "_ext"
CELL = """
import sys
sys.path.insert(0, "diffpose_nb")
import tiny
with open("runs.txt", "a") as file:
    print(tiny.ANSWER, file=file)
"""
MEET = """
import time
from pathlib import Path
Path("{me}.here").touch()
waited = 0
while not Path("{other}.here").exists():
    time.sleep(0.1)
    waited += 0.1
    assert waited < 120, "alone"
print("met {other}")
"""


@pytest.fixture(scope="module")
def fresh_execution():
    spec = importlib.util.spec_from_file_location("fresh_execution", EXTENSIONS / "fresh_execution.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path):
    for name, text in {
        "diffpose_nb/__init__.py": "",
        "diffpose_nb/tiny.py": "ANSWER = 1\n",
        "diffpose_nb/data/table.bin": "1",
        "pyproject.toml": "[project]\n",
        "constraints.txt": "torch==2\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "changed",
    ["diffpose_nb/tiny.py", "diffpose_nb/data/table.bin", "diffpose_nb/new.py", "pyproject.toml", "constraints.txt"],
)
def test_a_change_changes_the_fingerprint(project, fresh_execution, changed):
    before = fresh_execution.fingerprint(project)
    (project / changed).write_text("another")
    assert fresh_execution.fingerprint(project) != before


def test_a_moved_file_changes_the_fingerprint(project, fresh_execution):
    before = fresh_execution.fingerprint(project)
    (project / "diffpose_nb" / "tiny.py").rename(project / "diffpose_nb" / "small.py")
    assert fresh_execution.fingerprint(project) != before


def test_what_python_leaves_behind_does_not(project, fresh_execution):
    before = fresh_execution.fingerprint(project)
    (project / "diffpose_nb" / "__pycache__").mkdir()
    (project / "diffpose_nb" / "__pycache__" / "tiny.pyc").write_text("compiled")
    (project / "README.md").write_text("read")
    assert fresh_execution.fingerprint(project) == before


@pytest.fixture
def build(project):
    """Builds a book of the project's notebooks, a text a code cell; what it says on stderr."""
    (project / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(EXTENSIONS)!r})\n"
        "extensions = ['myst_nb', 'fresh_execution', 'side_by_side']\nnb_execution_mode = 'cache'\n"
        "exclude_patterns = ['book']\n"
    )

    def build(at_once, *options, **notebooks):
        for name, source in notebooks.items():
            cells = [nbformat.v4.new_markdown_cell(f"# {name}"), nbformat.v4.new_code_cell(source)]
            if name == "index":
                cells.append(nbformat.v4.new_markdown_cell("```{toctree}\n:glob:\n*\n```"))
            nbformat.write(nbformat.v4.new_notebook(cells=cells), project / f"{name}.ipynb")
        command = [sys.executable, "-m", "sphinx", "-E", "-q", project, project / "book" / "_build" / "html"]
        environment = os.environ | {"BOOK_AT_ONCE": str(at_once)}
        return subprocess.run([*command, *options], env=environment, capture_output=True, text=True)

    return build


def runs(project):
    return (project / "runs.txt").read_text(encoding="utf-8").split()


def test_a_book_executes_once_and_again_after_a_change(project, build):
    """Built as it is, unchanged, and with another package under the notebooks; by MyST-NB alone, and two at a time.

    Two at a time, each waits for the other to begin, so that neither can end before both run.
    """
    together = {name: CELL + MEET.format(me=name, other=other) for name, other in (("index", "b"), ("b", "index"))}
    for count, (at_once, answer, notebooks) in enumerate([(1, 1, {"index": CELL}), (2, 2, together), (2, 2, {})]):
        (project / "diffpose_nb" / "tiny.py").write_text(f"ANSWER = {answer}\n")
        done = build(at_once, "-W", **notebooks)
        assert done.returncode == 0, done.stderr
        assert runs(project) == [["1"], ["1", "2", "2"], ["1", "2", "2"]][count]
    page = (project / "book" / "_build" / "html" / "b.html").read_text(encoding="utf-8")
    assert "met index" in page
    assert len(list((project / "book" / "_build").glob("executed-*"))) == 1, "old caches are deleted"


def test_a_notebook_that_fails_is_reported_as_ever(project, build):
    done = build(2, "-W", "--keep-going", index="raise ValueError('too few')", b=CELL)
    assert done.returncode != 0 and "Executing notebook failed: CellExecutionError" in done.stderr
    assert runs(project) == ["1"], "the other one is not run again"
