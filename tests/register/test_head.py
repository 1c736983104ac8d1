"""Another anatomy than that with which everything was tuned."""

import numpy as np
import pytest
from cranium import head, needs_cranium
from scipy.signal import fftconvolve

from diffpose_nb.register import Comparison, refine
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


def long_tailed(primary, collimated, ratio, spread, camera):
    """Scatter of other physics: born of all that is lost, spread with long tails, and a third of it even."""
    born = collimated * (1 - np.clip(primary, 0, 1))
    y, x = ((np.arange(2 * n - 1) - (n - 1)) * mm for n, mm in zip(camera.shape, camera.pixel_spacing, strict=True))
    kernel = (1 + (y[:, None] ** 2 + x[None] ** 2) / 30.0**2) ** -1.5
    tails = fftconvolve(born, kernel, mode="same")
    return ratio * collimated.sum() * (2 / 3 * tails / tails.sum() + 1 / 3 / tails.size)


@needs_cranium
def test_scatter_that_spreads_in_another_way_is_taken_off_too(monkeypatch):
    """The registration describes scatter as the simulation does, which no X-ray promises."""
    monkeypatch.setattr("diffpose_nb.simulate.exposure.scattered", long_tailed)
    errors = {False: [], True: []}
    for number in range(4):
        case = case_of(head(), number, 77)
        for scatter, some in errors.items():
            found = refine(case.subject, case.xray, compare=Comparison(scatter=scatter), progress=False)
            some.append(case.error(found.world_from_camera)[0])
    assert np.median(errors[True]) < np.median(errors[False])
    assert np.median(errors[True]) < 1.5
