"""``python -m diffpose_nb.commands.kinds`` registers X-rays of every kind in :mod:`diffpose_nb.study.kinds`.

It prints how many of each kind were found, how far off they are, and whether the judgement was right; then how often
the errors are within the uncertainty that the registration gives. A row is written as soon as its X-ray is done, so
that an interrupted run goes on where it stopped. Twenty of each kind take about twenty minutes on two CPU cores.

``--two-views`` registers bent patients with a second X-ray too, from the side. ``--ct PATH`` takes X-rays of another CT
instead, such as one of a head: a NIfTI, NRRD or MHA file or a folder of DICOM slices. It needs no label map; without
one, errors are counted in its bones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torchio
from tqdm import tqdm

from .. import ct
from ..evaluate import camera_errors
from ..register import Comparison, features_of, refine, refine_pieces
from ..runtime import write_text_whole
from ..study.kinds import KINDS, PIECES, VERTEBRA, Case, case_of, make_case

FEATURES = ("ncc", "detail", "contrast", "log halves")
OFF = ("turn x", "turn y", "turn beam", "x", "y", "beam")
"""Columns of the six errors, degrees and mm, in the first camera's axes about the points where the error counts."""
KNOWN = tuple(f"known {name}" for name in OFF)
"""Columns of the six standard deviations that the registration gives for them."""


def main(
    path: Path,
    number: int = 20,
    seed: int = 0,
    kinds: list[str] | None = None,
    *,
    two_views: bool = False,
    subject: torchio.Subject | None = None,
) -> pd.DataFrame:
    """Register ``number`` X-rays of each kind, or of another CT, and write a row for each to ``path``."""
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["kind", "number", "seed"])
    done = set(zip(table.kind, table.number, table.seed, strict=True))
    kinds = ["another CT"] if subject is not None else kinds or list(KINDS)
    if two_views:
        kinds = ["bent, two views"]
    todo = [(kind, n) for n in range(number) for kind in kinds if (kind, n, seed) not in done]
    for kind, n in tqdm(todo, "X-rays"):
        if subject is not None:
            row = register(case_of(subject, n, seed))
        elif two_views:
            row = register(make_case("bent", n, seed), two_views=True)
        else:
            row = register(make_case(kind, n, seed))
        table = pd.concat([table, pd.DataFrame([row | {"kind": kind, "seed": seed}])], ignore_index=True)
        write_text_whole(path, table.round(4).to_csv(index=False))
    return table


def register(case: Case, two_views: bool = False) -> dict[str, object]:
    """Register one X-ray as a user would; a bent patient is taken to pieces after that."""
    compare = Comparison(alone=True) if case.kind == "bones alone" else Comparison()
    xray = case.two_views() if two_views else case.xray
    found = refine(case.subject, xray, compare=compare, progress=False)
    pose, judgement, confidence = found.world_from_camera, found.judgement, found.confidence
    evidence, uncertainty = found.evidence, found.uncertainty
    if case.kind == "bent":
        pieces = refine_pieces(case.subject, xray, pose, PIECES, progress=False)
        k = PIECES.index(VERTEBRA)
        pose, judgement, confidence = pieces.pose(VERTEBRA), pieces.judgement[k], pieces.confidence[k].item()
        evidence, uncertainty = pieces.evidence[k], pieces.uncertainty[k]
    pose = pose.reshape(-1, 4, 4)[0]
    row = {"kind": case.kind, "number": case.number, "start": case.error(case.start)[0]}
    row |= {"judgement": judgement, "confidence": confidence, "seconds": found.trace.seconds.iloc[-1]}
    row |= dict(zip(FEATURES, features_of(evidence), strict=True))
    row |= dict(zip(("error", "across", "along"), case.error(pose), strict=True))
    off = camera_errors(pose, case.truth, case.points.mean(0))
    return row | dict(zip(OFF, off.tolist(), strict=True)) | dict(zip(KNOWN, uncertainty.tolist(), strict=True))


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


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """How often the errors of what was found are within one and two of the standard deviations that were given.

    A row for turns, for shifts across the beam and for those along it. Of Gaussian errors whose deviations are right,
    68 % and 95 % are. The last column is the median of error / deviation, which is then 0.67.
    """
    found = table[table.judgement == "found"].reindex(columns=[*OFF, *KNOWN]).dropna()
    ratio = pd.DataFrame({name: (found[name] / found[f"known {name}"]).abs() for name in OFF})
    rows = {"turns": OFF[:3], "across the beam": OFF[3:5], "along the beam": OFF[5:]}
    columns = {
        "numbers": lambda r: r.size,
        "within one": lambda r: (r <= 1).mean() if r.size else np.nan,
        "within two": lambda r: (r <= 2).mean() if r.size else np.nan,
        "median ratio": lambda r: np.median(r) if r.size else np.nan,
    }
    values = {name: ratio[list(axes)].to_numpy().ravel() for name, axes in rows.items()}
    return pd.DataFrame({name: {column: of(r) for column, of in columns.items()} for name, r in values.items()}).T


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.kinds", description=__doc__)
    parser.add_argument("--path", type=Path, default=Path("notebooks/_work/kinds.csv"), help="the table to write")
    parser.add_argument("--number", type=int, default=20, help="X-rays of each kind (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other X-rays")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="only this kind; may be repeated")
    parser.add_argument("--two-views", action="store_true", help="bent patients, with a second X-ray from the side")
    parser.add_argument("--ct", type=Path, help="another CT, which need not have a label map")
    parser.add_argument("--labels", type=Path, help="its label map, if there is one")
    asked = parser.parse_args()
    other = None if asked.ct is None else ct.load_ct(asked.ct, asked.labels)
    rows = main(asked.path, asked.number, asked.seed, asked.kind, two_views=asked.two_views, subject=other)
    print(summary(rows).round(2).to_string())
    print(coverage(rows).round(2).to_string())
