"""X-rays of every kind, registered and summed up."""

import pandas as pd

from diffpose_nb.commands import kinds
from diffpose_nb.study.kinds import KINDS, make_case


def test_it_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "kinds.csv"
    first = kinds.main(path, 1, seed=5, kinds=["whole chest"])
    before = path.read_text()
    again = kinds.main(path, 1, seed=5, kinds=["whole chest"])
    assert len(first) == len(again) == 1 and path.read_text() == before
    assert first.error[0] < 1 and first.judgement[0] == "found"


def test_the_summary_counts_what_the_judgement_missed():
    rows = {"kind": ["a"] * 4, "judgement": ["found", "found", "lost", "doubtful"], "error": [0.5, 9.0, 20.0, 1.5]}
    table = kinds.summary(pd.DataFrame(rows | {"across": [0.1] * 4, "seconds": [1.0] * 4}))
    assert table.loc["a", "found, over 3 mm"] == 0.25
    assert table.loc["a", "under 1 mm"] == 0.25 and table.loc["a", "under 2 mm"] == 0.5


def test_a_case_is_the_same_again_and_another_one_is_another():
    first, again, other = (make_case("short CT", n, 5) for n in (0, 0, 1))
    assert (first.xray.pixels == again.xray.pixels).all() and (first.start == again.start).all()
    assert not (first.start == other.start).all()
    assert "mirrored" in KINDS and first.error(first.truth) == (0.0, 0.0, 0.0)
