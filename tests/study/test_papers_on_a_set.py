"""With DeepFluoro's file present, the figures draw a patient of it: proven on its twin."""

from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
import torch

from diffpose_nb import ct, evaluate, plots, render, sets
from diffpose_nb.commands.papers import deepfluoro
from diffpose_nb.register import STAGES, Strategy, refine
from diffpose_nb.similarity import landscapes
from diffpose_nb.study.papers import evolution, live, on_a_set, source, table
from diffpose_nb.study.public.protocols import NEAR
from diffpose_nb.train import PoseRange
from diffpose_nb.widgets import pose_cloud

QUICK = Strategy(restarts=0, stages=STAGES[:2])


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """A chest of blocks in place of the pelves, so that it takes seconds."""
    names = ["vertebrae_T8", "sternum", "scapula_left", "scapula_right"]
    names += [f"rib_{side}_{n}" for side in ("left", "right") for n in range(4, 11)]
    rng = np.random.default_rng(1)
    hounsfield = np.full((48, 40, 52), -1000.0)
    hounsfield[4:44, 4:36, :] = 20
    labels = np.zeros(hounsfield.shape, np.uint8)
    for label, _ in enumerate(names, 1):
        i, j, k = (int(rng.integers(6, n - 12)) for n in hounsfield.shape)
        hounsfield[i : i + 5, j : j + 3, k : k + 6] = 900
        labels[i : i + 5, j : j + 3, k : k + 6] = label
    groups = ["ribs" if name.startswith("rib") else "skeleton" for name in names]
    table = {"id": range(1, len(names) + 1), "structure": names, "group": groups}
    subject = ct.make_subject(hounsfield, np.diag([6.0, 6.0, 6.0, 1.0]), labels, structures=pd.DataFrame(table))
    folder = tmp_path_factory.mktemp("sets")
    path = folder / "deepfluoro" / "ipcai_2020_full_res_data.h5"
    options = {"specimens": 1, "xrays": 2, "binning": 12, "voxel": 6.0}
    return sets.deepfluoro_twin(path, subject=subject, progress=False, **options)


@pytest.fixture(scope="module")
def here(twin):
    return source.deepfluoro(twin)


def test_a_source_is_what_the_set_says(twin, here):
    one = sets.deepfluoro(twin).patients[0]
    assert here.name == f"twin of DeepFluoro, {one.name}" and len(here.views) == len(one.xrays)
    xray = here.xray(1)
    assert torch.equal(xray.true_world_from_camera, one.xrays[1].standard.world_from_camera)
    assert xray.camera.shape == (source.SIDE, source.SIDE)
    first = one.xrays[1].read().camera
    at = torch.tensor(here.landmarks[["x", "y", "z"]].to_numpy(copy=True))
    before, after = (c.project(at, xray.true_world_from_camera) for c in (first, xray.camera))
    scale = source.SIDE / first.shape[0]
    assert torch.allclose((before + 0.5) * scale - 0.5, after)
    error = evaluate.mtre(here.start(1, xray), xray.true_world_from_camera, here.landmarks)
    assert NEAR[0] <= error <= NEAR[1]
    with pytest.raises(ValueError, match="X-rays 0 to 1"):
        here.xray(2)


def test_the_live_figures_draw_it(here):
    """What the notebook's cells call, with the set's X-ray."""
    xray = here.xray(0)
    truth, start = xray.true_world_from_camera, here.start(0, xray)
    curves = live.along(landscapes.setting(here.subject, xray, truth), steps=11)
    for name in ("double geodesic", "multiscale NCC", "xvr's"):
        assert (curves[name].argmin(1) - 5).abs().max() <= 1, name  # the truth is where the loss is least
    plots.papers.losses_along({"NCC": curves["NCC"]})
    times = live.patch_times(here.subject, xray.camera, truth, (0, 100), repeats=1, pixels=64)
    plots.papers.patch_times(times, live.PUBLISHED_PATCHES, "here", "there")
    found = refine(here.subject, xray, start, search=QUICK, progress=False).world_from_camera
    mpe = [evaluate.mpe(pose, truth, here.landmarks, xray.camera) for pose in (start, found)]
    assert mpe[1] < 0.5 * mpe[0]
    renderer = render.Renderer(here.subject, xray.camera, voxel=6.0, step=4.0)
    figure = plots.papers.frames_of(renderer, [("start", xray, start), ("refined", xray, found)])
    assert len(figure.axes) == 2
    assert "dp-cloud" in pose_cloud(here.subject, source_range(here), xray.camera, pixels=16).data
    plt.close("all")


def source_range(here):
    return PoseRange(sod=here.views[0][1][:3, 3].norm().item())


@pytest.fixture(scope="module")
def runs(twin, tmp_path_factory):
    """What the command writes for the twin, with fewer iterations, poses and stages."""
    out = tmp_path_factory.mktemp("runs") / "_work" / "papers_deepfluoro.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "ITERATIONS", 5)
        patch.setattr(on_a_set, "evolve", partial(evolution.evolve, evaluations=60, voxel=6.0))
        patch.setattr(on_a_set, "refine", partial(refine, search=QUICK))
        deepfluoro.main(twin, out, number=1)
        first = out.read_text(encoding="utf-8")
        deepfluoro.main(twin, out)
    assert out.read_text(encoding="utf-8").startswith(first)  # it went on, and did nothing twice
    return out


def test_the_command_runs_every_method_on_every_x_ray(runs, here):
    rows = table.load(runs)
    assert list(rows.method) == 2 * list(on_a_set.METHODS) and list(rows.xray) == [0] * 4 + [1] * 4
    assert set(rows.patient) == {here.patient}
    near, *others = (table.of(rows, method).mpe for method in on_a_set.METHODS)
    assert (near > 5).all() and (others[-1] < 0.5 * near).all()  # Gauss-Newton comes nearer


def test_stored_runs_are_the_set_s_where_there_are_any(runs, here):
    kept = source.stored(here, runs)
    assert kept.source is here and kept.methods == on_a_set.METHODS and len(kept.own) == 8
    assert "2 X-rays of the set" in kept.says
    found, true = kept.poses(on_a_set.NEAR)
    assert torch.allclose(found[1], here.start(1, here.xray(1)), atol=1e-3)
    assert torch.equal(true[1], here.views[1][1])
    error = evaluate.mtre(found, true, here.landmarks)
    assert np.allclose(error, kept.errors()[on_a_set.NEAR], rtol=1e-3)


def test_without_runs_of_the_set_the_example_s_are_shown(here, tmp_path):
    kept = source.stored(here, tmp_path / "missing.csv")
    assert kept.methods == table.METHODS and kept.source.patient == ""
    found, true = kept.poses(table.NETWORK_GAUSS_NEWTON)
    error = evaluate.mtre(found, true, kept.source.landmarks)
    assert np.allclose(error, kept.errors()[table.NETWORK_GAUSS_NEWTON], rtol=1e-2, atol=2e-3)


def test_the_notebook_takes_the_set_where_it_is(twin, runs, monkeypatch):
    """Its cell that decides, executed with the twin in the place of the file."""
    monkeypatch.setenv("DIFFPOSE_NB_DATA", str(twin.parents[1]))
    monkeypatch.chdir(runs.parents[1])
    path = Path(__file__).parents[2] / "notebooks" / "17_the_papers_figures.ipynb"
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    names = {}
    for cell in cells[:2]:
        exec(cell, names)
    assert names["real"] and names["here"].name.startswith("twin of DeepFluoro")
    stepper = next(cell for cell in cells if "widgets.stepper" in cell)
    exec(stepper, names)
    cloud = next(cell for cell in cells if "widgets.pose_cloud" in cell)
    exec(cloud, names)
    losses = next(cell for cell in cells if "live.along" in cell)
    exec(losses, names)
    assert set(names["curves"]) >= {"double geodesic", "multiscale NCC", "gradient NCC", "xvr's"}
    for marker in ("live.coordinates", "ways = ", "papers.distributions", "one_way = ", "measured = ", "as_printed"):
        exec(next(cell for cell in cells if marker in cell), names)
    assert names["ways"] == on_a_set.METHODS
    for marker in ("first = {", "def threshold", "show=[kept", "lens = "):
        exec(next(cell for cell in cells if marker in cell), names)
    assert set(names["rates"]) == set(on_a_set.METHODS) and len(names["cases"]) == 3
    assert (Path("_work") / "17_success.csv").exists()
    plt.close("all")
