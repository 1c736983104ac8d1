"""Buttons and the cell for Colab: there once the project has an address, and not before."""

import subprocess
import sys
import types
from importlib.metadata import version

import make_colab
import nbformat
import pytest
import repository
from the_book import BOOK, NOTEBOOKS, ROOT, SOLUTIONS, code_cells

URL = "https://github.com/somebody/something"


@pytest.fixture
def project(tmp_path):
    """A project with an address and one notebook."""
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\n[project.urls]\nRepository = "{URL}.git"\n')
    (tmp_path / "notebooks").mkdir()
    cells = [nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell("import torch")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "00_start.ipynb")
    return tmp_path


def cell_of(project):
    make_colab.main(project)
    cells = nbformat.read(project / "notebooks" / "00_start.ipynb", as_version=4).cells
    return next((cell for cell in cells if make_colab.TAG in cell.metadata.get("tags", [])), None)


def run(cell, monkeypatch):
    """The commands that the cell runs."""
    commands = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    exec(cell.source, {})
    return commands


def test_the_address_decides(project):
    assert repository.address(project) == URL
    found = repository.options(URL)
    assert found["repository_url"] == URL and found["launch_buttons"]["colab_url"] == repository.COLAB
    assert "launch_buttons" not in repository.options("https://gitlab.com/somebody/something"), "Colab opens GitHub's"
    assert repository.options(None) == {}


def test_the_cell_does_nothing_on_your_own_computer(project, monkeypatch):
    assert run(cell_of(project), monkeypatch) == []


def test_in_colab_it_installs_the_package_and_keeps_its_torch(project, monkeypatch):
    cell = cell_of(project)
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    (command,) = run(cell, monkeypatch)
    assert f"diffpose-nb @ git+{URL}" in command
    assert {f"torch=={version('torch')}", f"torchvision=={version('torchvision')}"} <= set(command)
    assert "--upgrade" not in command


def test_the_cell_stands_before_the_imports_and_comes_once(project):
    cell_of(project)
    cell_of(project)
    kinds = [cell.source[:8] for cell in code_cells(project / "notebooks" / "00_start.ipynb")]
    assert kinds == ["import s", "import t"]


def test_without_an_address_it_goes(project):
    cell_of(project)
    (project / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert cell_of(project) is None


def test_notebooks_are_up_to_date():
    """``python book/make_colab.py``"""
    url = repository.address(ROOT)
    for path in [*NOTEBOOKS, *SOLUTIONS]:
        notebook = nbformat.read(path, as_version=4)
        assert make_colab.with_cell(notebook, url) == notebook, path.name


def test_badges_need_the_address():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if repository.address(ROOT) is None:
        assert "colab.research.google.com" not in readme and "img.shields.io" not in readme


def test_a_page_gets_the_button(project):
    """A book of one notebook, built with an address: its page leads to Colab, and shows nothing of the cell."""
    make_colab.main(project)
    (project / "index.ipynb").write_text((project / "notebooks" / "00_start.ipynb").read_text(encoding="utf-8"))
    (project / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(BOOK / '_ext')!r})\nextensions = ['myst_nb', 'repository']\n"
        "html_theme = 'sphinx_book_theme'\nnb_execution_mode = 'off'\nexclude_patterns = ['notebooks', 'out']\n"
    )
    command = [sys.executable, "-m", "sphinx", "-E", "-q", str(project), str(project / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (project / "out" / "index.html").read_text(encoding="utf-8")
    assert f"{repository.COLAB}/github/somebody/something/blob/{repository.BRANCH}/index.ipynb" in page
    assert "subprocess" not in page
