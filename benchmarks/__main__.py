"""``python -m benchmarks``: the renderers side by side, in one run, as ratios."""

from __future__ import annotations

import argparse

import numba
import pandas as pd

from diffpose_nb import ct

from . import measure, page
from .contenders import CONTENDERS, OURS


def main() -> None:
    """Measure, print, and write the page of the book."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 200, 256], help="pixels along a side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS), help="beside ours")
    parser.add_argument("--write", action="store_true", help="write book/benchmarks.md and its figure")
    arguments = parser.parse_args()
    names = [name for name in CONTENDERS if name == OURS or name in arguments.only]

    subject = ct.example()
    alone, growth = measure.ours_alone(subject, arguments.rounds), measure.growth(subject, arguments.rounds)
    table = measure.side_by_side(subject, arguments.sizes, arguments.rounds, names)
    memory = measure.memory(200, names)
    print(f"{numba.config.NUMBA_NUM_THREADS} threads, medians of {arguments.rounds} rounds")
    for result in (table, alone, growth, memory):
        _print(result)
    if arguments.write:
        page.write(table, alone, growth, memory, arguments.rounds)


def _print(table: pd.DataFrame) -> None:
    print("\n" + table.to_string(index=False, float_format=lambda x: f"{x:.3g}"))


if __name__ == "__main__":
    main()
