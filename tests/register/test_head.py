"""Another anatomy than that with which everything was tuned."""

import pytest
from cranium import head, needs_cranium

from diffpose_nb.register import refine
from diffpose_nb.study.kinds import case_of


@needs_cranium
@pytest.mark.parametrize("number", range(2))
def test_a_head_is_registered_with_defaults(number):
    case = case_of(head(), number, 5)
    found = refine(case.subject, case.xray, progress=False)
    assert case.error(found.world_from_camera)[1] < 1, "across the beam"
    assert case.error(found.world_from_camera)[0] < 2
    assert found.judgement == "found"
