"""``python -m diffpose_nb.commands.papers.deepfluoro`` runs what papers compare on DeepFluoro's X-rays.

It needs the set's file, see :func:`diffpose_nb.sets.deepfluoro`; ``--path`` names another one, such as a twin of it.
Only methods without a network are run, since none ships for these patients; all start from the same pose near by. An
X-ray of a twin takes about ten seconds on one CPU core, so the 362 of the set take about an hour, and ``--number 5`` of
each patient five minutes. Each X-ray is written when it is done. Ctrl-C stops the command after the current one; the
same command goes on from there, and a larger ``--number`` adds X-rays to what is there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from ... import sets
from ...sets import SetError
from ...study.papers import on_a_set
from ...study.papers.source import DEEPFLUORO, deepfluoro
from ...study.run import interruption
from .rows import add_rows, holds, read_rows

ABOUT = "python -m diffpose_nb.commands.papers.deepfluoro: 320 pixels, from a pose near by"


def main(path: Path, out: Path = DEEPFLUORO, number: int | None = None) -> None:
    """Run the methods on the first ``number`` X-rays of each patient, by default all, where ``out`` lacks them."""
    patients = range(len(sets.deepfluoro(path).patients))
    with interruption() as stop:
        for patient in patients:
            here = deepfluoro(path, patient)
            for n in tqdm(range(len(here.views))[:number], here.name):
                done = read_rows(out)
                missing = [m for m in on_a_set.METHODS if not holds(done, patient=here.patient, xray=n, method=m)]
                rows = [on_a_set.run_method(here, n, method) for method in missing]
                add_rows(out, ABOUT, done, rows, ["patient", "xray"], on_a_set.METHODS)
                if stop:
                    print("stopped; the same command goes on from here")
                    return
    print(f"wrote {out}")


if __name__ == "__main__":
    default = sets.data_folder("deepfluoro") / "ipcai_2020_full_res_data.h5"
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.papers.deepfluoro", description=__doc__)
    parser.add_argument("--path", type=Path, default=default, help=f"the set's file (default: {default})")
    parser.add_argument("--out", type=Path, default=DEEPFLUORO, help="table to write, or to go on")
    parser.add_argument("--number", type=int, help="so many X-rays of each patient (default: all)")
    arguments = parser.parse_args()
    try:
        main(arguments.path, arguments.out, arguments.number)
    except SetError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
