"""``python -m diffpose_nb.commands.kinds`` registers X-rays of every kind in :mod:`diffpose_nb.study.kinds`.

It prints how many of each kind were found, how far off they are, and whether the judgement was right. A row is written
as soon as its X-ray is done, so that an interrupted run goes on where it stopped. Twenty of each kind take about
twenty minutes on two CPU cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from ..register import Comparison, features_of, refine, refine_pieces
from ..runtime import write_text_whole
from ..study.kinds import KINDS, PIECES, VERTEBRA, Case, make_case

FEATURES = ("ncc", "detail", "contrast", "log halves")


def main(path: Path, number: int = 20, seed: int = 0, kinds: list[str] | None = None) -> pd.DataFrame:
    """Register ``number`` X-rays of each kind and write a row for each to ``path``."""
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["kind", "number", "seed"])
    done = set(zip(table.kind, table.number, table.seed, strict=True))
    todo = [(kind, n) for n in range(number) for kind in kinds or KINDS if (kind, n, seed) not in done]
    for kind, n in tqdm(todo, "X-rays"):
        row = register(make_case(kind, n, seed)) | {"seed": seed}
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
        write_text_whole(path, table.round(4).to_csv(index=False))
    return table


def register(case: Case) -> dict[str, object]:
    """Register one X-ray as a user would; a bent patient is taken to pieces after that."""
    compare = Comparison(alone=True) if case.kind == "bones alone" else Comparison()
    found = refine(case.subject, case.xray, compare=compare, progress=False)
    row = {"kind": case.kind, "number": case.number, "start": case.error(case.start)[0]}
    row |= {"judgement": found.judgement, "confidence": found.confidence, "seconds": found.trace.seconds.iloc[-1]}
    row |= dict(zip(FEATURES, features_of(found.evidence), strict=True))
    pose = found.world_from_camera
    if case.kind == "bent":
        pose = refine_pieces(case.subject, case.xray, pose, PIECES, progress=False).pose(VERTEBRA)
    return row | dict(zip(("error", "across", "along"), case.error(pose), strict=True))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each kind: shares under 1, 2 and 3 mm, the median error in mm, and what the judgement says."""

    def row(group: pd.DataFrame) -> pd.Series:
        found = group.judgement == "found"
        return pd.Series(
            {
                "X-rays": len(group),
                "under 1 mm": (group.error < 1).mean(),
                "under 2 mm": (group.error < 2).mean(),
                "median, mm": group.error.median(),
                "median across the beam, mm": group.across.median(),
                "found": found.mean(),
                "found, over 3 mm": (found & (group.error > 3)).mean(),
                "s": group.seconds.median(),
            }
        )

    return table.groupby("kind").apply(row, include_groups=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.kinds", description=__doc__)
    parser.add_argument("--path", type=Path, default=Path("notebooks/_work/kinds.csv"), help="the table to write")
    parser.add_argument("--number", type=int, default=20, help="X-rays of each kind (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other X-rays")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="only this kind; may be repeated")
    arguments = parser.parse_args()
    print(summary(main(arguments.path, arguments.number, arguments.seed, arguments.kind)).round(2).to_string())
