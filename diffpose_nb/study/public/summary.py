"""Tables of what was measured on a public set, each number under its definition."""

from __future__ import annotations

import pandas as pd

from ... import evaluate
from .protocols import corrected_success, diffpose_success

DEFINITIONS = {
    "mTRE_camera": "mTRE: landmarks in camera coordinates, depth included",
    "mRPD": "mRPD: distance from a landmark to its true ray, depth left out",
    "mPE": "mPE: distance of projections at the detector",
    "mRPE": "xvr's mRPE: points on two detectors, compared in the world",
    "mTRE_diffpose": "DiffPose's mTRE: xvr's mRPE times the pixel spacing",
    "mTRE": "xvr's mTRE: landmarks carried by world_from_camera",
    "dGeo": "dGeo: double geodesic",
}
"""Columns of the table and what they measure; all in mm, all of the same registrations."""


def errors(table: pd.DataFrame) -> pd.DataFrame:
    """Medians and 95 % quantiles in mm, before and after, one row for each definition of the error."""
    rows = {}
    for column, words in DEFINITIONS.items():
        row = {}
        for pose, when in (("init", "before"), ("final", "after")):
            some = table[table.pose == pose][column]
            row |= {f"median {when}": some.median(), f"95 % {when}": some.quantile(0.95)}
        rows[words] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("error, mm")


def patients(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each patient and one for all: shares of successes by two definitions, medians, and the judgement.

    ``ncc`` and ``s`` are medians: local NCC at the end, and seconds.
    """
    final = table[table.pose == "final"]

    def row(some: pd.DataFrame) -> pd.Series:
        found = some.judgement == "found"
        return pd.Series(
            {
                "X-rays": len(some),
                "start, mm": table.loc[(table.pose == "init") & table.subject.isin(some.subject)].mTRE_camera.median(),
                "mTRE, mm": some.mTRE_camera.median(),
                "mRPD, mm": some.mRPD.median(),
                "success": some.mTRE_camera.map(corrected_success).mean(),
                "success as DiffPose counts": some.mTRE_diffpose.map(diffpose_success).mean(),
                "over 10 mm": (some.mTRE_camera > evaluate.success.GROSS).mean(),
                "judged found": found.mean(),
                "found, but over 3 mm": (found & (some.mTRE_camera > 3)).mean(),
                "ncc": some.ncc.median(),
                "s": some.runtime.median(),
            }
        )

    by_patient = {name: row(some) for name, some in final.groupby("subject", sort=True)}
    return pd.DataFrame([*by_patient.values(), row(final)], index=[*by_patient, "all"]).rename_axis("patient")
