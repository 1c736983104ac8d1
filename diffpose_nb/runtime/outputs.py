"""How the value of a cell's last line looks below the cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from IPython import get_ipython

_MOST = 64  # numbers: tensors with more of them are shown as PyTorch shows them


def plain_outputs() -> None:
    """Show sentences without quotation marks, numbers with six digits, and small tensors as rows of numbers.

    It holds for a value that a cell ends with, not for values within others, and changes nothing outside a Jupyter
    kernel.
    """
    shell = get_ipython()
    if getattr(shell, "kernel", None) is None:
        return
    plain = shell.display_formatter.formatters["text/plain"]
    for kind, text in (
        (str, str),
        (float, _number),
        (np.float32, _number),
        (np.float64, _number),
        (torch.Tensor, table),
    ):
        plain.for_type(kind, _printer(text))


def _printer(text: Any) -> Any:
    def show(value: object, printer: Any, cycle: bool) -> None:
        alone = len(printer.stack) <= 1
        printer.text(text(value) if alone else repr(value))

    return show


def _number(value: float) -> str:
    return f"{value:.6g}"


def table(tensor: torch.Tensor) -> str:
    """The numbers of a small tensor, in rows, with decimal points below each other.

    >>> print(table(torch.tensor([[1.0, 0.0], [0.25, -700.0]])))
       1.00     0.00
       0.25  -700.00
    """
    if tensor.ndim > 2 or not 0 < tensor.numel() <= _MOST or tensor.is_complex():
        return repr(tensor)
    values = tensor.detach().cpu().numpy()
    if values.ndim == 0:
        return _number(values.item()) if values.dtype.kind == "f" else str(values.item())
    rows = np.atleast_2d(values)
    if rows.dtype.kind != "f":
        texts = [[str(value) for value in row] for row in rows.tolist()]
    else:
        digits = _digits(rows)
        texts = [[f"{value + 0.0:.{digits}f}" for value in row] for row in rows.round(digits).tolist()]
    width = max(len(text) for row in texts for text in row)
    return "\n".join("  ".join(text.rjust(width) for text in row) for row in texts)


def _digits(values: np.ndarray) -> int:
    """How many decimals the numbers need, at most four."""
    finite = values[np.isfinite(values)]
    return next((n for n in range(4) if np.allclose(finite, finite.round(n), rtol=0, atol=1e-6)), 4)
