"""``python -m diffpose_nb.commands.level`` trains a network for one level of the spine and tests it on X-rays of it.

The CT is the example, or that of ``--ct`` with the label map of ``--labels``. The X-rays have a round field, which is
160 mm wide in the patient. The training takes about eight minutes on one free CPU core, and the test on 100 X-rays
takes three. After an interruption the next call goes on where the training stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import ct
from ..study.judging import COLUMNS
from ..study.levels import judge_level, train_level


def main(
    structures: list[str],
    work: Path,
    *,
    steps: int = 1300,
    number: int = 100,
    scan: Path | None = None,
    labels: Path | None = None,
    names: Path | None = None,
) -> None:
    """Write the network and the table of its errors to ``work``, where the training is kept too."""
    subject = ct.example() if scan is None else ct.load_ct(scan, labels, structures=names)
    name = "_".join(structures)
    training = train_level(subject, structures, work / f"{name}_training.pt", steps=steps)
    print(training.history.iloc[-1].to_string())
    table = judge_level(training.regressor, subject, number)
    print(table[COLUMNS].abs().describe(percentiles=[0.5, 0.95]).round(2).to_string())
    training.regressor.save(work / f"{name}.pt", half=True)
    table.round(3).to_csv(work / f"{name}.csv", index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.level", description=__doc__)
    parser.add_argument("structures", nargs="*", default=["vertebrae_T9"], help="labels (default: vertebrae_T9)")
    parser.add_argument("--work", type=Path, default=Path("notebooks/_work"), help="where everything is written")
    parser.add_argument("--steps", type=int, default=1300, help="steps of the training (default: 1300)")
    parser.add_argument("--number", type=int, default=100, help="X-rays on which it is tested (default: 100)")
    parser.add_argument("--ct", type=Path, help="another CT (default: the example)")
    parser.add_argument("--labels", type=Path, help="its label map")
    parser.add_argument("--names", type=Path, help="the names of its labels, a JSON file")
    arguments = parser.parse_args()
    main(
        arguments.structures,
        arguments.work,
        steps=arguments.steps,
        number=arguments.number,
        scan=arguments.ct,
        labels=arguments.labels,
        names=arguments.names,
    )
