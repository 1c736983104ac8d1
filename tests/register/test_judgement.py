"""Found, doubtful or lost."""

from dataclasses import replace

import pytest
import torch

from diffpose_nb.register import Evidence, judge, refine
from diffpose_nb.study.kinds import make_case

RIGHT = Evidence(
    ncc=0.98, coarse=0.98, contrast=0.9, best_wrong=0.6, explained=1.0, halves=0.2,
    uncertainty=torch.tensor([0.05] * 3 + [0.1, 0.1, 0.5]), seen=0.7, patches=190.0, steady=True,
)  # fmt: skip


def test_all_is_well():
    verdict = judge(RIGHT)
    assert verdict.judgement == "found" and verdict.confidence > 0.95
    assert all(reason.endswith(".") for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ncc": 0.7}, "fine detail does not agree"),
        ({"ncc": 0.3, "coarse": 0.3, "contrast": 0.1}, "nearly as well"),
        ({"ncc": 0.5, "coarse": 0.7, "halves": 4.0}, "4.0 mm apart"),
    ],
)
def test_what_speaks_against_is_said(change, said):
    verdict = judge(replace(RIGHT, **change))
    assert verdict.judgement == "lost"
    assert any(said in reason for reason in verdict.reasons), verdict.reasons


def test_a_right_pose_of_unknown_depth_is_doubtful():
    loose = replace(RIGHT, uncertainty=torch.tensor([0.1, 0.1, 0.1, 0.2, 0.2, 7.0]))
    verdict = judge(loose)
    assert verdict.judgement == "doubtful"
    assert any("the beam" in reason and "7.0 mm" in reason for reason in verdict.reasons)


def test_attempts_that_do_not_return_count():
    assert judge(RIGHT, 1.0).judgement == "found"
    half = judge(RIGHT, 0.5)
    assert half.judgement == "doubtful" and half.confidence < 0.6
    assert judge(RIGHT, 0.0).confidence == 0


def test_nothing_seen_is_lost():
    nothing = replace(RIGHT, ncc=0.0, halves=float("inf"), patches=0.0)
    assert judge(nothing).confidence == 0


@pytest.mark.parametrize("kind", ["mirrored", "another patient"])
def test_what_is_not_this_patient_is_never_found(kind):
    case = make_case(kind, 1, 5)
    assert refine(case.subject, case.xray, progress=False).judgement != "found"
