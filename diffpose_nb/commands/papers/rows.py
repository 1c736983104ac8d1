"""Tables that are written row by row, so that a run that was stopped goes on where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ...runtime import write_text_whole


def read_rows(path: Path) -> pd.DataFrame:
    """The rows that a table has so far; none if it does not exist."""
    return pd.read_csv(path, comment="#", dtype={"patient": str}) if path.exists() else pd.DataFrame()


def holds(rows: pd.DataFrame, **wanted: object) -> bool:
    """Whether a table has a row with these values."""
    return bool(len(rows)) and bool((rows[list(wanted)] == list(wanted.values())).all(axis=1).any())


def add_rows(
    path: Path,
    about: str,
    before: pd.DataFrame,
    rows: Sequence[dict[str, object]],
    by: Sequence[str],
    methods: Sequence[str] = (),
) -> None:
    """Write a table whole, with further rows, below a line about it.

    The table is sorted by the columns ``by``, and rows that are alike in these by their place in ``methods``.
    """
    if rows:
        together = pd.concat([before, pd.DataFrame(rows)])
        rank = together.method.map(list(methods).index) if methods else 0
        together = together.assign(rank=rank).sort_values([*by, "rank"], kind="stable").drop(columns="rank")
        write_text_whole(path, f"# {about}\n" + together.to_csv(index=False, float_format="%.7g"))
