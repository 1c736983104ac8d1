"""A notebook in JupyterLab, as a user handles it: by menus, by keys, by looking."""

from __future__ import annotations

import time

import nbformat
from lab_server import Lab
from playwright.sync_api import Locator, Page

# The longest waits, on a busy machine, ms: for Lab, a kernel or a key; for a notebook to run.
SOON, LATER = 120_000, 480_000
INDICATOR = ".jp-NotebookPanel:visible .jp-Notebook-ExecutionIndicator"


class Notebook:
    """Open when made."""

    def __init__(self, page: Page, lab: Lab, path: str) -> None:
        self.page, self._lab, self._path = page, lab, path
        page.goto(lab.page(path))
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=SOON)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=SOON)  # chosen without asking

    def run_all(self) -> nbformat.NotebookNode:
        """Run > Run All Cells, and wait for the end; the notebook as it is saved then."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.wait_for_selector(f'{INDICATOR}[data-status="busy"]', timeout=SOON)
        self.page.wait_for_selector(f'{INDICATOR}[data-status="idle"]', timeout=LATER)
        return self._save()

    def _save(self) -> nbformat.NotebookNode:
        """Ctrl+S, and wait for a file in which every cell has run."""
        self.page.keyboard.press("ControlOrMeta+s")
        deadline = time.monotonic() + SOON / 1000
        while True:
            try:
                saved = nbformat.read(self._lab.folder / self._path, as_version=4)
            except nbformat.reader.NotJSONError:  # half written
                saved = None
            if saved and all(cell.execution_count for cell in code_cells(saved)):
                return saved
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._path} was not saved with all of its cells run")
            self.page.wait_for_timeout(100)

    def cell(self, index: int) -> Locator:
        """A cell, scrolled to: Lab keeps only those in the page that can be seen."""
        cell = self.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{index}"]')
        cell.scroll_into_view_if_needed()
        return cell


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Those with something to run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def errors(notebook: nbformat.NotebookNode) -> list[str]:
    """Tracebacks and what was said on stderr, of all cells."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    tracebacks = ["\n".join(output.traceback) for output in outputs if output.output_type == "error"]
    return tracebacks + [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"]
