import matplotlib.pyplot as plt
import numpy as np

from diffpose_nb import data, dicom, register, render
from diffpose_nb.images import collimator
from diffpose_nb.plots import registration as refinement_plots
from diffpose_nb.register import Strategy


def test_the_end_is_seen_in_the_xrays_size(example):
    xray = dicom.read_xray(data.EXAMPLE_XRAY)
    found = register.refine(example, xray, search=Strategy(stages=register.STAGES[:1], restarts=0), progress=False)
    observed = xray.attenuation()
    observed = observed.where(collimator.open_field(observed), np.nan)
    renderer = render.Renderer(example, xray.camera)
    seen = refinement_plots.as_seen(found, renderer, observed)
    assert seen.shape == (*xray.camera.shape, 3) and len(np.unique(seen)) > 50


def test_failures_are_told_from_successes():
    _, (left, right) = plt.subplots(1, 2)
    refinement_plots.against_error(left, [0.5, 1.0, 30.0], [0.9, 0.95, 0.4], "NCC")
    refinement_plots.capture(right, [10.0, 20.0, 90.0], [0.5, 1.0, 30.0])
    for ax in (left, right):
        good, bad = (line.get_xydata() for line in ax.lines[:2])
        assert (len(good), len(bad)) == (2, 1)
    assert right.get_xlabel().startswith("mTRE at the start")
    plt.close("all")
