"""The command that registers a whole set: what it prints, and what it says if the set is not there."""

import pandas as pd
import pytest

from diffpose_nb.commands import public_sets
from diffpose_nb.study.public.whole_set import COLUMNS


def _main(*words):
    return public_sets.main(public_sets.parse([str(word) for word in words]))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFPOSE_NB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "words"), [("deepfluoro", "download=True"), ("ljubljana", "Put ljubljana.h5")])
def test_a_set_that_is_not_there(capsys, name, words):
    assert _main("run", name) == 1
    assert words in capsys.readouterr().err


def test_pairs_need_a_folder(capsys):
    assert _main("run", "xvr") == 1
    assert "--path" in capsys.readouterr().err
    assert _main("run", "xvr", "--twin") == 1
    assert "there are twins of deepfluoro, ljubljana" in capsys.readouterr().err


def test_tables_of_a_run_that_was_not_made(capsys):
    assert _main("tables", "deepfluoro") == 1
    assert "no such table" in capsys.readouterr().err


def test_tables(capsys, tmp_path):
    row = {
        "dataset": "deepfluoro",
        "result": "mine",
        "subject": "17-1882",
        "xray": "000",
        "judgement": "found",
        "seed": 0,
    }
    numbers = {name: 0.5 for name in COLUMNS if name not in row}
    path = tmp_path / "table.csv"
    rows = [row | numbers | {"pose": pose} for pose in ("init", "final")]
    others = [{**one, "result": "other", "xray": "001"} for one in rows]
    pd.DataFrame(rows + others)[list(COLUMNS)].to_csv(path, index=False)
    assert _main("tables", "deepfluoro", "--out", path, "--result", "mine") == 0
    shown = capsys.readouterr().out
    assert "17-1882" in shown and "DiffPose's mTRE" in shown
    assert shown.split("all")[1].split()[0] == "1.0"  # one X-ray, the other result is left out


def test_a_whole_run_on_a_twin(capsys, tmp_path, monkeypatch):
    """From nothing to tables, on a twin of a few voxels."""
    import sys
    from functools import partial
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1] / "sets"))
    from small_chest import make_chest

    from diffpose_nb import sets
    from diffpose_nb.register import STAGES, Strategy

    small = partial(sets.deepfluoro_twin, subject=make_chest(), specimens=1, xrays=2, binning=16, voxel=6.0)
    monkeypatch.setattr(sets, "deepfluoro_twin", small)
    quick = Strategy(stages=STAGES[:1], restarts=0)
    monkeypatch.setattr(public_sets, "run", partial(public_sets.run, search=quick))
    assert _main("run", "deepfluoro", "--twin", "--limit", 1) == 0
    assert "17-1882" in capsys.readouterr().out
    assert (tmp_path / "notebooks/_work/deepfluoro_twin.h5").exists()
    assert len(pd.read_csv(tmp_path / "notebooks/_work/deepfluoro_twin.csv")) == 2
    assert _main("run", "deepfluoro", "--twin") == 0  # the second X-ray, from the same twin
    assert len(pd.read_csv(tmp_path / "notebooks/_work/deepfluoro_twin.csv")) == 4
