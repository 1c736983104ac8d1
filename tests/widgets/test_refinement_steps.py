"""Stepping through a refinement: which renderings, what each says, and that its picture is of its pose."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from diffpose_nb import ct, data, dicom, plots, register, render
from diffpose_nb.images import collimator
from diffpose_nb.register import Strategy
from diffpose_nb.widgets import refinement, refinement_steps


@pytest.fixture(scope="module")
def case(example):
    xray = dicom.read_xray(data.EXAMPLE_XRAY).resize(80, 80)
    found = register.refine(example, xray, search=Strategy(stages=register.STAGES[:2], restarts=0), progress=False)
    observed = xray.attenuation()
    return found, render.Renderer(example, xray.camera), observed.where(collimator.open_field(observed), torch.nan)


@pytest.fixture
def steps(monkeypatch):
    """What the stepper is given."""
    given = []
    monkeypatch.setattr(refinement, "stepper", lambda steps, **_: given.extend(steps))
    return given


def test_every_rendering_is_a_step(case, example, steps):
    found, renderer, observed = case
    truth = data.example_truth()
    refinement_steps(found, renderer, observed, truth, ct.landmarks(example))
    assert len(steps) == len(found.trace)
    for n, step in enumerate(steps):
        row = found.trace.iloc[n]
        assert step.title == f"rendering {n + 1}, stage {row.stage}"
        assert f"Cost {row.cost:.3f}." in step.caption and ("refused" in step.caption) != row.accepted
    errors = [float(re.search(r"off by ([\d.]+) mm", step.caption).group(1)) for step in steps]
    assert errors[0] > 20 and errors[-1] < 5


def test_the_picture_is_the_overlay_at_that_pose(case, steps):
    found, renderer, observed = case
    refinement_steps(found, renderer, observed)
    for n in (0, len(found.trace) - 1):
        wanted = plots.overlay(renderer(found.poses[n])[0, 0], observed)
        assert np.abs(steps[n].picture[0] - wanted).max() < 0.003
    assert np.abs(steps[0].picture[0] - steps[-1].picture[0]).max() > 0.2


def test_the_curve_marks_the_rendering(case, steps):
    found, renderer, observed = case
    refinement_steps(found, renderer, observed)
    for n in (1, 4):
        (ax,) = steps[n].picture[1].axes
        (mark,) = (line for line in ax.lines if line.get_label() == "shown")
        assert mark.get_xydata().tolist() == [[n + 1, found.trace.cost.iloc[n]]]
        drawn = np.concatenate([line.get_ydata() for line in ax.lines if line.get_label() in ("accepted", "refused")])
        assert sorted(drawn) == pytest.approx(sorted(found.trace.cost))
        assert {text.get_text() for text in ax.texts} == {"1", "2"}


def test_the_page_is_small_and_self_contained(case):
    found, renderer, observed = case
    page = refinement_steps(found, renderer, observed).data
    assert page.count("<img ") == 2 * len(found.trace)
    assert not re.findall(r'src="(?!data:)', page)
    assert len(page) < 37_500 * len(found.trace), "forty renderings have to stay under 1.5 MB"


def test_two_views_stand_side_by_side(case, steps):
    found, renderer, observed = case
    both = SimpleNamespace(trace=found.trace, poses=torch.stack([found.poses, found.poses[[0] * len(found.poses)]], 1))
    refinement_steps(both, [renderer] * 2, [observed] * 2)
    first, second = np.split(steps[-1].picture[0], 2, axis=1)
    alone = [plots.overlay(renderer(found.poses[n])[0, 0], observed) for n in (-1, 0)]
    assert np.abs(first - alone[0]).max() < 0.003 and np.abs(second - alone[1]).max() < 0.003


@pytest.mark.parametrize("most", [2, 9, 40])
def test_of_many_renderings_the_ends_of_stages_are_kept(most):
    stage = np.repeat([1, 2, 1], [30, 50, 20])
    trace = pd.DataFrame({"attempt": np.repeat([1, 1, 2], [30, 50, 20]), "stage": stage})
    chosen = refinement._chosen(trace, most)
    assert len(chosen) == most == len(set(chosen)) and chosen == sorted(chosen)
    assert {0, 99} <= set(chosen)
    if most >= 6:
        assert {29, 30, 79, 80} <= set(chosen)
    assert refinement._chosen(trace.iloc[:2], most) == [0, 1]


def test_bad_input_is_refused(case):
    found, renderer, observed = case
    nothing = SimpleNamespace(trace=found.trace.iloc[:0], poses=found.poses[:0])
    with pytest.raises(ValueError, match="interrupted before the first"):
        refinement_steps(nothing, renderer, observed)
    with pytest.raises(ValueError, match="2 renderers and 1 X-rays for a refinement of 1 views"):
        refinement_steps(found, [renderer] * 2, observed)
    with pytest.raises(ValueError, match=r"xray has \(3, 3\) pixels"):
        refinement_steps(found, renderer, torch.zeros(3, 3))
    with pytest.raises(ValueError, match="most is 1"):
        refinement_steps(found, renderer, observed, most=1)
