"""``python -m diffpose_nb.commands.public_sets`` registers a whole public set, or draws the tables of one::

    python -m diffpose_nb.commands.public_sets run deepfluoro             # the file in the cache, see sets.deepfluoro
    python -m diffpose_nb.commands.public_sets run deepfluoro --twin      # a twin, made first where it is missing
    python -m diffpose_nb.commands.public_sets run xvr --path FOLDER
    python -m diffpose_nb.commands.public_sets tables deepfluoro

A row is written as soon as its X-ray is done, so that a run that was stopped or killed goes on where it stopped. A twin
of DeepFluoro with 30 X-rays takes about five minutes on two CPU cores, the 362 X-rays of the set about half an hour.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from .. import sets
from ..sets import PublicSet, SetError
from ..study.public import summary
from ..study.public.whole_set import read, run

WORK = Path("notebooks/_work")
SETS = ("deepfluoro", "ljubljana", "xvr")
STARTS = ("near", "nominal", "diffpose", "xvr")


def twin(name: str, path: Path) -> Path:
    """The twin of a set at a path; made if it is missing."""
    if path.exists():
        return path
    print(f"making a twin: {path}")
    write = {"deepfluoro": sets.deepfluoro_twin, "ljubljana": sets.ljubljana_twin}
    if name not in write:
        raise SetError(f"there is no twin of {name}: there are twins of {', '.join(write)}")
    return write[name](path)


def opened(name: str, path: Path | None) -> PublicSet:
    """The set of this name; at a path, or where it lies by default."""
    if name == "xvr" and path is None:
        raise SetError("xvr's pairs are read from a folder: name it with --path")
    return {"deepfluoro": sets.deepfluoro, "ljubljana": sets.ljubljana, "xvr": sets.xvr}[name](path)


def draw(table: pd.DataFrame) -> str:
    """The tables of a result as text."""
    parts = [summary.patients(table).round(2).to_string(), summary.errors(table).round(2).to_string()]
    return "\n\n".join(parts)


def main(arguments: argparse.Namespace) -> int:
    """Run or draw, as the arguments say. Returns the exit status."""
    made = arguments.twin
    path = arguments.path
    out = arguments.out or WORK / f"{arguments.set}{'_twin' if made else ''}.csv"
    try:
        if made:
            path = twin(arguments.set, path or WORK / f"{arguments.set}_twin.h5")
        if arguments.action == "run":
            public = opened(arguments.set, path)
            print(*(f"{note}\n" for note in public.notes), sep="")
            table = run(
                public, arguments.set, out, start=arguments.start, result=arguments.result, limit=arguments.limit,
                seed=arguments.seed,
            )  # fmt: skip
            total = sum(len(patient.xrays[: arguments.limit]) for patient in public.patients)
            if len(table) < 2 * total:
                print(f"stopped after {len(table) // 2} of {total} X-rays; the same command goes on from here")
        elif not out.exists():
            print(f"{out}: there is no such table. Make it first, with `run` in place of `tables`", file=sys.stderr)
            return 1
        else:
            table = read(out)
            table = table[table.result == arguments.result]
    except SetError as error:
        print(error, file=sys.stderr)
        return 1
    print(draw(table))
    print(f"\nrows: {out}")
    return 0


def parse(words: list[str] | None = None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m diffpose_nb.commands.public_sets", description=__doc__.replace("::", ":"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("action", choices=["run", "tables"], help="register the X-rays, or draw what was registered")
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--path", type=Path, help="the set's file or folder (default: where sets are kept)")
    parser.add_argument("--twin", action="store_true", help="a twin of the set, made if it is missing")
    parser.add_argument("--out", type=Path, help=f"the table (default: {WORK}/SET.csv, or SET_twin.csv)")
    parser.add_argument("--start", choices=STARTS, default="near", help="where registrations begin (default: near)")
    parser.add_argument("--result", default="diffpose_nb", help="a name for this result, to keep several in one table")
    parser.add_argument("--limit", type=int, help="so many X-rays of each patient (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other starts")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(parse()))
