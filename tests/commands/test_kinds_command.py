"""X-rays of every kind, registered and summed up."""

import numpy as np
import pandas as pd
import torch

from diffpose_nb import ct
from diffpose_nb.camera import transform_points
from diffpose_nb.commands import kinds
from diffpose_nb.study.kinds import KINDS, case_of, make_case


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


def test_coverage_counts_the_errors_within_what_was_said():
    """Errors of one, of a half and of three deviations; a row that was not found does not count."""
    rows = [
        {"judgement": judgement, **dict.fromkeys(kinds.OFF, error), **dict.fromkeys(kinds.KNOWN, 1.0)}
        for judgement, error in [("found", -0.99), ("found", 0.5), ("found", 3.0), ("lost", 0.1)]
    ]
    found = kinds.coverage(pd.DataFrame(rows))
    assert found.loc["turns", "numbers"] == 9 and found.loc["along the beam", "numbers"] == 3
    assert found["within one"].tolist() == [2 / 3] * 3 == found["within two"].tolist()


def test_another_ct_without_labels_counts_errors_in_its_bones():
    hounsfield = np.full((40, 40, 40), -1000.0)
    hounsfield[5:35, 5:35, 5:35] = 30.0
    hounsfield[10:18, 12:20, 8:32] = 700.0
    subject = ct.make_subject(hounsfield, np.diag([4.0, 4.0, 4.0, 1.0]))
    case = case_of(subject, 0, 3)
    assert 300 <= len(case.points) < 700 and case.kind == "another CT"
    assert case.error(case.truth) == (0.0, 0.0, 0.0) and case.error(case.start)[0] > 12
    inside = transform_points(torch.linalg.inv(torch.from_numpy(subject["volume"].affine)), case.points).round().long()
    assert (subject["volume"].data[0][tuple(inside.T)] > 300).all()
