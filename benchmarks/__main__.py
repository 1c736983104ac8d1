"""``python -m benchmarks``: the renderers side by side, in one run, as ratios."""

from __future__ import annotations

import argparse

import numba
import pandas as pd

from diffpose_nb import ct

from . import loops, measure, page
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
    rounds = arguments.rounds
    results = page.Results(
        ours_alone=measure.ours_alone(subject, rounds),
        growth=measure.growth(subject, rounds),
        refinement=loops.refinement(subject, rounds),
        training=loops.training(subject, rounds),
        side_by_side=measure.side_by_side(subject, arguments.sizes, rounds, names),
        memory=measure.memory(200, names),
        rounds=rounds,
    )
    print(f"{numba.config.NUMBA_NUM_THREADS} threads, medians of {rounds} rounds")
    for value in vars(results).values():
        if isinstance(value, pd.DataFrame):
            _print(value)
    if arguments.write:
        page.write(results)


def _print(table: pd.DataFrame) -> None:
    print("\n" + table.to_string(index=False, float_format=lambda x: f"{x:.3g}"))


if __name__ == "__main__":
    main()
