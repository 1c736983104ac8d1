import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from diffpose_nb import data, dicom, evaluate, render
from diffpose_nb.plots import BLUE
from diffpose_nb.plots import evaluation as evaluate_plots


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def _coloured(ax):
    """The thick lines of the sketch, each (2 ends, x and y), by colour."""
    return {line.get_color(): line.get_xydata() for line in ax.lines if line.get_linewidth() == 3.5}


def test_the_sketch_draws_what_the_errors_measure():
    """In its flat world: source at the origin, detector at x = 100."""
    left, right = evaluate_plots.what_is_measured().axes
    mtre, mrpd, mpe = _coloured(left).values()
    true, estimated = mtre
    foot = mrpd[0]
    np.testing.assert_allclose(mrpd[1], estimated)
    assert np.cross([*foot, 0], [*true, 0])[2] == pytest.approx(0)  # on the ray
    assert (estimated - foot) @ true == pytest.approx(0)  # and at right angles to it
    for point, end in zip((true, estimated), mpe, strict=True):
        np.testing.assert_allclose(end, point * 100 / point[0])
    (ends,) = _coloured(right).values()
    assert ends[0][0] == pytest.approx(100)
    (landmark,) = (
        line.get_xydata()[0] for line in right.lines if line.get_markersize() == 6 and line.get_marker() == "o"
    )
    for end, source in zip(ends, ((0.0, 0.0), evaluate_plots._CAMERA_MOVES[:2]), strict=True):
        across = np.cross([*(landmark - source), 0], [*(end - source), 0])[2]
        assert across == pytest.approx(0), "source, landmark and the point on the detector are in line"


def test_bars_are_as_long_as_the_errors():
    errors = pd.DataFrame({"mTRE": [5.0, 1.0], "mPE": [0.5, 2.0]}, index=["depth", "turn"])
    figure = evaluate_plots.blindness(errors)
    for ax, (motion, row) in zip(figure.axes, errors.iterrows(), strict=True):
        assert ax.get_title() == motion
        assert [bar.get_width() for bar in ax.patches] == row.tolist()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["mTRE", "mPE"]


def test_curves_and_bands_are_those_of_the_table():
    curve = evaluate.success_curve([0.5, 0.8, 3.0, 30.0], [0.6, 1.0, 10.0, 100.0])
    ax = evaluate_plots.success_curves({"a": curve, "b": curve})
    a, b = (line for line in ax.lines if line.get_label() in "ab")
    np.testing.assert_allclose(a.get_ydata(), [0.25, 0.5, 0.75, 1])
    assert (a.get_color(), a.get_linestyle()) != (b.get_color(), b.get_linestyle())
    assert a.get_linestyle() != b.get_linestyle(), "told apart without colour"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2", "5", "10", "20", "50", "100"]


def test_success_by_start_has_a_level_a_limit_and_ticks():
    shares = evaluate.success_by_start([1, 2, 11, 12], [0.1, 0.1, 0.1, 9], [0, 10, 20])
    ax = plt.subplots()[1]
    level = ("network", evaluate.Interval(0.9, 0.8, 0.95))
    evaluate_plots.success_by_start(
        {"refined": shares}, ax, "off", level=level, edge=("trained on", 12.0), ticks={0.0: "0°", 10.0: "±45°"}
    )
    lines = {line.get_label(): line for line in ax.lines}
    assert set(lines["network"].get_ydata()) == {0.9}
    (container,) = ax.containers
    np.testing.assert_allclose(container[0].get_xydata(), [[5, 1], [15, 0.5]])
    assert container[0].get_color() != BLUE == lines["network"].get_color()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0°", "±45°"]
    assert "trained on" in ax.texts[0].get_text()


def test_overlays_have_a_row_for_each_method(example):
    xray = dicom.read_xray(data.EXAMPLE_XRAY)
    renderer = render.Renderer(example, xray.camera)
    poses = {"before": [xray.world_from_camera] * 2, "after": [data.example_truth()] * 2}
    figure = evaluate_plots.overlays(renderer, [xray, xray], poses, {"before": [21.3, 5.0], "after": [0.412, 0.4]})
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["21.3 mm", "5.0 mm", "0.4 mm", "0.4 mm"]
    before, _, after, _ = (np.ptp(np.asarray(ax.images[0].get_array()), axis=-1).mean() for ax in figure.axes)
    assert after < 0.75 * before, "less colour where they agree"
    assert [ax.get_ylabel() for ax in figure.axes[::2]] == ["before", "after"]


def test_a_printed_table_has_units_and_intervals():
    table = pd.DataFrame({"method": ["a"] * 100, "mtre": [0.4] * 95 + [30.0] * 5, "seconds": 0.5})
    (row,) = evaluate_plots.as_printed(evaluate.summary(table)).to_dict("records")
    assert row["median, mm"] == "0.40 (0.40–0.40)"
    assert row["< 1 mm"].startswith("95 % (89–98")
    assert row["> 10 mm"].startswith("5 % (2–11")
    assert row["s"] == "0.5"
    assert row["mean ± SD"].startswith("1.88 ± 6.4")
