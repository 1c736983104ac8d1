"""``python -m diffpose_nb.commands.regressor`` trains the pose network in ``diffpose_nb/data/`` and tests it.

On two CPU cores the training takes three to four minutes, more beside other work, and the test on 200 X-rays three.
After an interruption the next call goes on where the training stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import ct, data
from ..study import held_out, judge
from ..study.judging import COLUMNS
from ..train import fit


def main(folder: Path, work: Path) -> None:
    """Write ``example_regressor.pt`` and ``example_regressor.csv`` to a folder; the training is kept in ``work``."""
    subject = ct.example()
    training = fit(subject, work / "regressor.pt")
    print(training.history.iloc[-1].to_string())
    table = judge(training.regressor, held_out(subject, training.regressor.poses))
    print(table[COLUMNS].abs().describe(percentiles=[0.5, 0.95]).round(2).to_string())
    training.regressor.save(folder / data.EXAMPLE_REGRESSOR.name, half=True)
    table.round(3).to_csv(folder / data.EXAMPLE_REGRESSOR_ERRORS.name, index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.regressor", description=__doc__)
    parser.add_argument("--folder", type=Path, default=data.EXAMPLE_REGRESSOR.parent, help="where to write both files")
    parser.add_argument("--work", type=Path, default=Path("notebooks/_work"), help="where the training is kept")
    arguments = parser.parse_args()
    main(arguments.folder, arguments.work)
