"""Executing a submission inside the fence, with a limit of time, so that whatever it does it is graded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from .student import SUBMITTER

START = 240
"""s. The first code cell, which holds the imports, may take so long, since imports are slow on a busy machine."""


class Fenced:
    """Mixed into a preprocessor that executes notebooks, nbconvert's or nbgrader's.

    The kernel knows who hands in, as :func:`diffpose_nb.labs.who` says, and :class:`diffpose_nb.labs.fence.Fence`
    surrounds it. A cell that runs too long is stopped and the rest goes on; where the kernel does not come back, the
    cells that are left get a message in place of a result.
    """

    _lost = ""

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        """Execute a submission; :class:`Fenced` says how.

        Raises
        ------
        RuntimeError
            The fence could not be raised. Nothing is then graded.
        """
        folder = Path((resources or {}).get("metadata", {}).get("path") or ".").resolve()
        student = (resources or {}).get("nbgrader", {}).get("student", "")
        self._lost = ""
        self.interrupt_on_timeout, self.allow_errors = True, True
        self.shutdown_kernel = "immediate"  # nothing is awaited from a kernel that has run its last cell
        self.timeout_func = self._limit_of
        self._imports = next((cell.get("id") for cell in nb.cells if cell.cell_type == "code"), None)
        fence = new_code_cell(f"__import__('diffpose_nb.labs.fence').labs.fence.raise_fence({str(folder)!r})")
        nb.cells.insert(0, fence)
        before = os.environ.get(SUBMITTER)
        os.environ[SUBMITTER] = student
        try:
            nb, resources = super().preprocess(nb, resources, km=km)  # type: ignore[misc]
        finally:
            if before is None:
                del os.environ[SUBMITTER]
            else:
                os.environ[SUBMITTER] = before
        standing = nb.cells.pop(0)
        if any(output.output_type == "error" for output in standing.outputs):
            raise RuntimeError("the fence could not be raised, so nothing is graded:\n" + str(standing.outputs))
        return nb, resources

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        """Execute a cell. If it is stopped, an error with a message for the student is among its outputs."""
        if cell.cell_type != "code":
            return cell, resources
        if self._lost:
            cell.outputs = [_said("NotRun", self._lost)]
            return cell, resources
        try:
            cell, resources = super().preprocess_cell(cell, resources, index)  # type: ignore[misc]
        except (CellTimeoutError, DeadKernelError) as reason:
            late = isinstance(reason, CellTimeoutError)
            what = (
                f"ran for more than {self._limit_of(cell)} s and did not let itself be stopped"
                if late
                else "ended Python"
            )
            cell.outputs.append(_said("Stopped", f"This cell {what}."))
            self._lost = "Not run, because a cell above " + what + "."
            self.km.shutdown_kernel(now=True)  # type: ignore[attr-defined]
        if any(output.get("ename") in ("KeyboardInterrupt", "CellTimeoutError") for output in cell.outputs):
            cell.outputs = [o for o in cell.outputs if o.output_type != "error"]
            words = f"This cell ran for more than {self._limit_of(cell)} s and was stopped. Does a loop in it ever end?"
            cell.outputs.append(_said("Stopped", words))
        return cell, resources

    def _limit_of(self, cell: NotebookNode) -> int:
        starts = "raise_fence" in cell.source or cell.get("id") == self._imports
        return max(START, self.timeout) if starts else self.timeout  # type: ignore[attr-defined]


class FencedPreprocessor(Fenced, ExecutePreprocessor):
    """:class:`Fenced` for systems without nbgrader."""


def _said(name: str, words: str) -> NotebookNode:
    return new_output("error", ename=name, evalue=words, traceback=[f"{name}: {words}"])
