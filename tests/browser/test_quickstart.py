"""The first notebook in JupyterLab: opened from ``make lab``, run from its menu, read to the end."""

import nbformat
from in_lab import code_cells, errors
from lab_server import ROOT

QUICKSTART = "notebooks/00_quickstart.ipynb"


def test_it_runs_to_the_end_and_its_pictures_are_there(open_notebook):
    before = (ROOT / QUICKSTART).read_bytes()
    notebook = open_notebook(QUICKSTART)
    done = notebook.run_all()
    assert [cell.execution_count for cell in code_cells(done)] == list(range(1, len(code_cells(done)) + 1))
    assert not errors(done)

    written = nbformat.reads(before.decode(), as_version=4)
    drawn = [n for n, cell in enumerate(written.cells) if "image" in cell.metadata.get("mystnb", {})]
    assert len(drawn) > 6
    for index in drawn:
        picture = notebook.cell(index).locator(".jp-OutputArea-output img").first
        picture.wait_for()
        picture.evaluate("(img) => img.decode()")  # refused, it fails the test
        width, height = picture.evaluate("(img) => [img.naturalWidth, img.naturalHeight]")
        assert width > 200 and height > 100, written.cells[index].source
    assert not notebook.page.complaints
    assert (ROOT / QUICKSTART).read_bytes() == before, "the run went to the repository's own file"
