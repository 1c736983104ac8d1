"""``python -m diffpose_nb.commands.papers`` runs what papers compare, and writes two tables to ``diffpose_nb/data/``.

It goes from X-ray to X-ray, and writes after each. Twenty take ten to twenty minutes on one CPU core. Of the half
minute of each, a third goes to the methods, a third and more to the scales. Ctrl-C stops it after the current X-ray;
the same command goes on from there, and a larger ``--number`` adds X-rays to what is there.
The landmarks need the network of ``python -m diffpose_nb.commands.papers.landmarks``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ... import ct, data
from ...data import PAPERS_METHODS, PAPERS_TRACES
from ...study.papers import table, traces
from ...study.papers.landmarks import load_network
from ...study.registrations import table as trials_of
from ...study.run import interruption
from ...train import PoseRegressor
from .landmarks import NETWORK
from .rows import add_rows, holds, read_rows

ABOUT = "python -m diffpose_nb.commands.papers: 320 pixels, simulated from the CT of the example"
PARTS = ("methods", *traces.PARTS)
"""What can be run: the table of methods, and the parts of :mod:`diffpose_nb.study.papers.traces`."""


def main(
    methods: Path = PAPERS_METHODS,
    paths: Path = PAPERS_TRACES,
    number: int = 20,
    parts: Sequence[str] = PARTS,
    finder: Path = NETWORK,
    first: int = 0,
) -> None:
    """Run the parts on X-rays ``first`` to ``number`` - 1, where the files do not have them yet."""
    subject = ct.example()
    network = PoseRegressor.load(data.EXAMPLE_REGRESSOR)
    landmarks = ct.landmarks(subject)
    model = load_network(finder) if finder.exists() else None
    if model is None and "methods" in parts:
        print(f"{finder} is missing, so no landmarks: python -m diffpose_nb.commands.papers.landmarks makes it")
    bench = table.Bench(subject, landmarks, network, model)
    runnable = [name for name in table.METHODS if model is not None or name != table.LANDMARKS]
    with interruption() as stop:
        for trial in tqdm(trials_of(network.poses)[first:number], "X-rays"):
            done, kept = read_rows(methods), read_rows(paths)
            missing = [m for m in runnable if "methods" in parts and not holds(done, xray=trial.number, method=m)]
            open_ = [
                (part, name)
                for part in traces.PARTS
                for name in traces.names(part)
                if part in parts and not holds(kept, xray=trial.number, part=part, name=name)
            ]
            if not missing and not open_:
                continue
            xray = trial.xray(subject)
            guess = network.predict(xray)
            rows = [table.run_method(bench, xray, trial.number, method) for method in missing]
            add_rows(methods, ABOUT, done, rows, ["xray"], table.METHODS)
            rows = [
                row
                for part, name in open_
                for row in traces.run_trace(subject, landmarks, trial, xray, guess, part, name)
            ]
            add_rows(paths, ABOUT, kept, rows, ["part", "xray"])
            if stop:
                print("stopped; the same command goes on from here")
                return
    print(f"wrote {methods} and {paths}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.papers", description=__doc__)
    parser.add_argument("--methods", type=Path, default=PAPERS_METHODS, help="table of methods to write, or to go on")
    parser.add_argument("--traces", type=Path, default=PAPERS_TRACES, help="table of descents to write, or to go on")
    parser.add_argument("--number", type=int, default=20, help="X-rays, at most 100 (default 20)")
    parser.add_argument("--first", type=int, default=0, help="number of the first X-ray, to share the work")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to run (default: all)")
    parser.add_argument("--finder", type=Path, default=NETWORK, help="network that finds landmarks")
    arguments = parser.parse_args()
    main(
        arguments.methods,
        arguments.traces,
        arguments.number,
        arguments.parts,
        arguments.finder,
        arguments.first,
    )
