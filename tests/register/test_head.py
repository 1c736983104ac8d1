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
    _, across, along = case.error(found.world_from_camera)
    assert across < 1, "depth is what a head leaves open: it is smooth, and its outline is most of what is seen"
    assert along < 3 * found.uncertainty[5] and along < 6
    assert found.judgement != "lost"
