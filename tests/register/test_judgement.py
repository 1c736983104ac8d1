"""Found, doubtful or lost."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from diffpose_nb.register import Evidence, Prior, judge, refine
from diffpose_nb.register.judgement import gather, halves_and_uncertainty
from diffpose_nb.register.prior import Expectation
from diffpose_nb.register.search import Attempt
from diffpose_nb.similarity import PatchEquations
from diffpose_nb.similarity.normal_equations import NothingToCompareError
from diffpose_nb.study.kinds import make_case

RIGHT = Evidence(
    ncc=0.98, coarse=0.98, contrast=0.9, halves=0.2,
    uncertainty=torch.tensor([0.05] * 3 + [0.1, 0.1, 0.5]), seen=0.7, patches=190.0,
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


def test_what_the_image_does_not_say_is_as_uncertain_as_it_was_before():
    """Patches whose cost depends on a shift in depth not at all: the prior's deviation remains."""
    generator = torch.Generator().manual_seed(0)
    count, axes = 36, torch.eye(4, dtype=torch.float64)
    gradient = 0.01 * torch.randn(count, 6, generator=generator).double()
    gradient[:, 5] = 0
    known = torch.diag(torch.tensor([1e4, 1e4, 1e4, 1.0, 1.0, 0.0]).double())
    patches = PatchEquations(
        torch.full((count,), 1 / count).double(), torch.full((count,), 0.1).double(), gradient,
        known.expand(count, 6, 6), torch.arange(count),
    )  # fmt: skip
    expectation = Expectation(Prior(30.0, (100.0, 100.0, 0.5)), axes, axes)
    pull, weight = expectation.information(20.0), expectation.weight(20.0)
    _, deviations = halves_and_uncertainty([patches], [6], axes, pull, weight, 100.0)
    assert deviations[5].item() == pytest.approx(0.5, rel=1e-3)
    assert deviations[3] < 0.1


def test_an_attempt_that_ends_where_no_patch_shows_the_ct_is_lost():
    class Blind:
        stage = SimpleNamespace(patch=11)

        def likeness(self, pose):
            raise NothingToCompareError("no patch of 11 x 11 pixels lies within the valid part of the image")

    ended = Attempt(torch.eye(4)[None].double(), torch.zeros(3), 0.4, patches=[None], stages={2: ([Blind()], 0.6)})
    views = SimpleNamespace(axes=torch.eye(4).double(), scale=1.0)
    evidence = gather(views, None, ended)
    assert evidence.seen == 0 and evidence.patches == 0
    assert judge(evidence).judgement == "lost"


def test_nothing_seen_is_lost():
    nothing = replace(RIGHT, ncc=0.0, halves=float("inf"), patches=0.0)
    assert judge(nothing).confidence == 0


@pytest.mark.parametrize("kind", ["mirrored", "another patient"])
def test_what_is_not_this_patient_is_never_found(kind):
    case = make_case(kind, 1, 5)
    assert refine(case.subject, case.xray, progress=False).judgement != "found"
