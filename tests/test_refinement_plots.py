import matplotlib.pyplot as plt
import numpy as np

from diffpose_nb import collimator, data, dicom, refinement_plots, register, render


def test_an_animation_begins_with_the_start_and_ends_with_the_result(example):
    xray = dicom.read_xray(data.EXAMPLE_XRAY)
    found = register.refine(example, xray, stages=register.STAGES[:2], restarts=0, progress=False)
    observed = xray.attenuation()
    observed = observed.where(collimator.open_field(observed), np.nan)
    renderer = render.Renderer(example, xray.camera)
    steps = refinement_plots.animation(found, renderer, observed, most=4)
    assert 2 <= len(steps) <= 4
    assert steps[0].title == "rendering 1, stage 1"
    assert steps[-1].title.endswith("stage 2")
    assert all(step.alt for step in steps)
    assert refinement_plots.as_seen(found, renderer, observed).shape == (*xray.camera.shape, 3)


def test_failures_are_told_from_successes():
    _, (left, right) = plt.subplots(1, 2)
    refinement_plots.against_error(left, [0.5, 1.0, 30.0], [0.9, 0.95, 0.4], "NCC")
    refinement_plots.capture(right, [10.0, 20.0, 90.0], [0.5, 1.0, 30.0])
    for ax in (left, right):
        good, bad = (line.get_xydata() for line in ax.lines[:2])
        assert (len(good), len(bad)) == (2, 1)
    assert right.get_xlabel().startswith("mTRE at the start")
    plt.close("all")
