"""The form of the papers' figures, and a figure as a file for a document, with the numbers behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

FORMATS = (".svg", ".pdf", ".png", ".eps")
WIDTH = 5.4
"""Inches. A phone's page of 360 pixels shows a figure of this width with letters of 10 points 9 pixels high."""
LETTERS = {
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.title_fontsize": 9.5,
    "figure.labelsize": 10.5,
    "figure.titlesize": 10.5,
}
"""Matplotlib's settings for these figures."""
_P, _R = ParamSpec("_P"), TypeVar("_R")


def in_large_letters(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a function draw in :data:`LETTERS`, wherever it is called."""

    @wraps(draw)
    def drawn(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with matplotlib.rc_context(LETTERS):
            return draw(*args, **kwargs)

    return drawn


def save(figure: Figure, path: str | Path, data: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None) -> list[Path]:
    """Write a figure, and its data as CSV beside it. The result is the list of files.

    Parameters
    ----------
    figure
        The figure. In SVG and PDF its text stays text, so that the file can be searched and edited.
    path
        Where to; the ending decides the form: .svg, .pdf, .png or .eps. The folder is made if it does not exist.
    data
        The numbers that the figure draws, for ``path`` with the ending .csv. Several tables by name become one file
        each, ``path`` with ``_name.csv``.

    Raises
    ------
    ValueError
        The ending is none of these.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: ends in {path.suffix!r}; a figure is saved as {', '.join(FORMATS)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}):
        figure.savefig(path, bbox_inches="tight", dpi=300)
    written = [path]
    tables = {"": data} if isinstance(data, pd.DataFrame) else dict(data or {})
    for name, table in tables.items():
        ending = "".join(letter if letter.isalnum() else "_" for letter in name)
        beside = path.with_name(f"{path.stem}_{ending}.csv") if name else path.with_suffix(".csv")
        table.to_csv(beside, encoding="utf-8")
        written.append(beside)
    return written


def plain_log(axis: Axis) -> None:
    """Ticks of a logarithmic axis as plain numbers, few enough that they do not touch."""
    low, high = axis.get_view_interval()
    steps = (1, 2, 5) if high / low < 40 else (1, 3) if high / low < 1500 else (1,)
    ticks = [step * 10.0**power for power in range(-4, 5) for step in steps]
    axis.set_ticks([t for t in ticks if low <= t <= high])
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


@in_large_letters
def panels(rows: int, columns: int, height: float, **kwargs: object) -> tuple[Figure, object]:
    """A figure as wide as :data:`WIDTH` with so many panels, each ``height`` inches high."""
    return plt.subplots(rows, columns, figsize=(WIDTH, rows * height), layout="constrained", squeeze=False, **kwargs)
