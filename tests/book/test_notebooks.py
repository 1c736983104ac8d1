"""The rules that make one notebook like the next: its sections, its cells, its exercises, nothing of its last run."""

import ast
import re
import subprocess
import sys

import nbformat
import pytest
import yaml
from the_book import NOTEBOOKS, ROOT, SOLUTIONS, code_cells, markdown_cells

OPENING = ["> **What you will be able to do.**", "> **What you need first.** ", "> **How long it takes.** "]
HOME, CLOSING = "## What to take home", "## Where to go next"
LONGEST_CELL = 30
CELL_METADATA = {"tags", "mystnb"}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
every_notebook_and_solution = pytest.mark.parametrize(
    "path", NOTEBOOKS + SOLUTIONS, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


def test_there_are_notebooks():
    assert "00_quickstart" in [path.stem for path in NOTEBOOKS]


def test_numbers_are_used_once():
    numbers = [path.stem[:2] for path in NOTEBOOKS]
    assert len(set(numbers)) == len(numbers)


@every_notebook_and_solution
def test_nothing_of_the_last_run_is_kept(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "kernelspec" not in notebook.metadata
    assert notebook.metadata.get("language_info") == {"name": "python"}, "Lab picks the kernel by this"
    for cell in notebook.cells:
        assert set(cell.metadata) <= CELL_METADATA, f"metadata of {cell.source[:60]!r}"
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None, f"run: {cell.source[:60]!r}"


def test_the_hook_would_change_nothing():
    """pre-commit and ``make format`` strip notebooks with these very arguments."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (entry,) = (hook["entry"] for hook in config["repos"][0]["hooks"] if hook["id"] == "nbstripout")
    keys = re.search(r'--extra-keys "(.*)"', entry).group(1)
    assert entry.partition("-m ")[2] in (ROOT / "Makefile").read_text(encoding="utf-8")
    command = [sys.executable, "-m", "nbstripout", "--keep-id", "--extra-keys", keys, "--verify"]
    done = subprocess.run([*command, *NOTEBOOKS, *SOLUTIONS], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@every_notebook
def test_opens_and_closes_like_the_others(path):
    texts = [cell.source for cell in markdown_cells(path)]
    headings = [line for text in texts for line in text.splitlines() if re.match("#+ ", line)]
    assert headings[0].startswith("# "), "a title first"
    assert sum(heading.startswith("# ") for heading in headings) == 1, "one title"
    assert HOME in headings and headings[-1] == CLOSING


@every_notebook
def test_opens_with_its_picture_and_goal_need_and_time_in_one_box(path):
    title, picture, caption, *rest = [line for line in markdown_cells(path)[0].source.splitlines() if line]
    assert title.startswith("# ")
    assert re.fullmatch(rf"!\[[^\]]{{20,}}\]\(\.\./book/images/openings/{path.stem[:2]}\.webp\)", picture)
    assert re.fullmatch(r"\*.{20,}\*", caption), "the point of the picture, in italics"
    parts = [line for line in rest if line.startswith("> **")]
    assert [line.startswith(part) for line, part in zip(parts, OPENING, strict=True)] == [True] * 3
    assert sum("opening" in cell.metadata.get("tags", []) for cell in code_cells(path)) == 1, "who draws it"


@every_notebook
def test_imports_are_folded_away_in_the_book(path):
    assert "hide-input" in code_cells(path)[0].metadata.get("tags", [])


@every_notebook_and_solution
def test_imports_stand_in_the_first_code_cell(path):
    _, *others = code_cells(path)
    late = [
        cell.source for cell in others if any(isinstance(node, ast.Import | ast.ImportFrom) for node in _walk(cell))
    ]
    assert not late


@every_notebook
def test_cells_are_short(path):
    long = [cell.source[:60] for cell in code_cells(path) if len(cell.source.splitlines()) > LONGEST_CELL]
    assert not long


@every_notebook_and_solution
def test_text_reads_the_same_in_lab_colab_and_the_book(path):
    """CommonMark and $ maths: no roles, directives, targets or substitutions of MyST."""
    myst = re.compile(r"\{[\w:-]+\}`|^\s*(```|:::+)\s*\{|^\([\w-]+\)=\s*$|\{\{.*\}\}|^%", re.MULTILINE)
    found = [match.group() for cell in markdown_cells(path) for match in myst.finditer(_without_maths(cell.source))]
    assert not found


@every_notebook_and_solution
def test_links_lead_to_files(path):
    """For readers in Lab; the build of the book checks the anchors."""
    targets = [target for cell in markdown_cells(path) for target in re.findall(r"\]\(([^)\s]+)", cell.source)]
    missing = [
        target
        for target in targets
        if not re.match("[a-z]+:", target) and not (path.parent / target.partition("#")[0]).exists()
    ]
    assert not missing


@every_notebook
def test_exercises(path):
    """Two or three; ``...`` stands for the answer; the solution is a notebook of the same name, linked, not shown."""
    cells = [cell for cell in code_cells(path) if "exercise" in cell.metadata.get("tags", [])]
    assert 2 <= len(cells) <= 3
    solution = path.parent / "solutions" / path.name
    assert solution.exists()
    solved = "\n".join(cell.source for cell in code_cells(solution))
    for cell in cells:
        assert "..." in cell.source
        key = re.search(r'exercises\.check\(\s*"([\w-]+)"', cell.source)
        assert key, f"no exercises.check in {cell.source[:60]!r}"
        assert key.group(1).startswith(path.stem[:2] + "-")
        assert f'exercises.check("{key.group(1)}"' in solved
    assert any(f"(solutions/{path.name})" in cell.source for cell in markdown_cells(path)), "link the solutions"


def test_every_solution_has_its_notebook():
    assert {path.name for path in SOLUTIONS} <= {path.name for path in NOTEBOOKS}


def _walk(cell):
    python = "\n".join(line for line in cell.source.splitlines() if not line.startswith(("%", "!")))
    return ast.walk(ast.parse(python))


def _without_maths(text):
    return re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", "", text, flags=re.DOTALL)
