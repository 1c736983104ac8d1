"""Notebooks run again when the package under them has changed, and only then."""

import importlib.util
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


def test_a_book_executes_once_and_again_after_a_change(project):
    """Built three times: as it is, unchanged, and with another package under the notebook."""
    cells = [nbformat.v4.new_markdown_cell("# Tiny"), nbformat.v4.new_code_cell(CELL)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), project / "index.ipynb")
    (project / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(EXTENSIONS)!r})\n"
        "extensions = ['myst_nb', 'fresh_execution']\nnb_execution_mode = 'cache'\nexclude_patterns = ['book']\n"
    )
    for build, answer in enumerate([1, 1, 2]):
        (project / "diffpose_nb" / "tiny.py").write_text(f"ANSWER = {answer}\n")
        command = [sys.executable, "-m", "sphinx", "-E", "-W", "-q", project, project / "book" / "_build" / "html"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (project / "runs.txt").read_text(encoding="utf-8").split() == [["1"], ["1"], ["1", "2"]][build]
    assert len(list((project / "book" / "_build").glob("executed-*"))) == 1, "old caches are deleted"
