"""A study of a few tiny X-rays: it ends with the same table whatever is killed on the way."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import psutil
import pytest
import torchio

from diffpose_nb.camera import Camera
from diffpose_nb.study import FolderInUseError, by_group, register_table, write_simulated
from diffpose_nb.study.table.results import CSV, FOUND, LOG, PAGE, PARQUET, TIMES, read_log
from diffpose_nb.study.table.running import only_writer

CAMERA = Camera(1020.0, (5.0, 5.0), (60, 60))
CORRUPT = "xrays/0003.dcm"


@pytest.fixture(scope="module")
def table(example, tmp_path_factory):
    """Six X-rays of two patients, one of them cut off, and two of a patient whose CT is no CT."""
    folder = tmp_path_factory.mktemp("study")
    small = torchio.Resample(6.0)(example["volume"])
    small.save(folder / "ct.nii.gz")
    names = [folder / "ct.nii.gz"] * 2
    path = write_simulated(folder, 6, names, labels=(), camera=CAMERA, progress=False)
    rows = pd.read_csv(path)
    (folder / CORRUPT).write_bytes((folder / CORRUPT).read_bytes()[:700])
    (folder / "broken.nii.gz").write_text("not a CT")
    broken = rows.head(2).assign(ct="broken.nii.gz", patient="broken")
    pd.concat([rows, broken]).assign(restarts=0).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def whole(table):
    """The results of a study with two workers, of which one was killed after the first row."""
    folder = table.parent / "whole"
    killed = []

    def kill():
        while not _lines(folder):
            time.sleep(0.02)
        killed.append(_workers(os.getpid())[0])
        killed[0].send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    results = register_table(table, folder, workers=2, progress=False)
    killer.join(1)
    assert killed, "no worker was killed"
    return results


def test_every_row_is_there_although_a_worker_was_killed(whole):
    assert whole.line.tolist() == list(range(2, 10))
    assert whole.error.isna().sum() == 5


def test_what_fails_is_a_row_with_its_error_and_stops_nobody(whole):
    failed = whole[whole.error.notna()]
    assert failed.xray.tolist()[0] == CORRUPT and CORRUPT in failed.error.iloc[0]
    assert (failed.patient == "broken").sum() == 2
    assert failed[failed.patient == "broken"].error.str.contains("broken.nii.gz").all()
    assert failed.judgement.isna().all() and failed.world_from_camera.isna().all()


def test_registrations_are_as_good_as_they_are_alone(whole):
    done = whole[whole.error.isna()]
    assert (done.start_mtre > 5).all() and (done.mtre < 2).all()
    assert set(done.judgement) <= {"found", "doubtful"}
    assert done.world_from_camera.map(len).eq(16).all() and done.uncertainty.map(len).eq(6).all()
    assert done.notes.str.contains("World:").all() and done.targets.str.startswith("six points").all()


def test_the_files_say_the_same(whole, table):
    folder = table.parent / "whole"
    pd.testing.assert_frame_equal(pd.read_parquet(folder / PARQUET), whole)
    flat = pd.read_csv(folder / CSV)
    assert list(flat) == list(whole) and set(FOUND) < set(flat)
    pd.testing.assert_series_equal(flat.mtre, whole.mtre)
    assert json.loads(flat.world_from_camera[0]) == whole.world_from_camera[0].tolist()


def test_killed_half_way_it_goes_on_and_ends_with_the_same_table(whole, table, tmp_path):
    command = [sys.executable, "-m", "diffpose_nb", "study", str(table), "-o", str(tmp_path), "--workers", "1"]
    study = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while _lines(tmp_path) < 3 and study.poll() is None:
        time.sleep(0.02)
    workers = _workers(study.pid)
    study.kill()
    study.wait()
    gone, left = psutil.wait_procs(workers, timeout=20)
    assert len(gone) == 1 and not left, "no worker outlives its study"
    before = (tmp_path / LOG).read_bytes()
    assert 3 <= before.count(b"\n") < 8
    (tmp_path / LOG).write_bytes(before + b'{"key": "cut o')

    again = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert again.returncode == 3, again.stderr
    assert "failed" in again.stdout and PAGE in again.stdout
    assert (tmp_path / LOG).read_bytes().startswith(before)
    assert _lines(tmp_path) == 8, "no row was registered twice"
    results = pd.read_parquet(tmp_path / PARQUET)
    read = results[(results.patient != "broken") & (results.seconds_ct > 0)]
    assert len(read) in (2, 3), "two CTs, each once a worker; the second worker may have had to read one again"
    pd.testing.assert_frame_equal(results.drop(columns=list(TIMES)), whole.drop(columns=list(TIMES)))


def test_what_is_done_is_not_done_again_and_only_failures_are_retried(whole, table, monkeypatch):
    folder = table.parent / "whole"
    asked = []
    monkeypatch.setattr("diffpose_nb.study.table.running.local_workers", _Nobody)
    monkeypatch.setattr(
        "diffpose_nb.study.table.running.run", lambda client, rows, function: asked.extend(rows) or iter(())
    )
    before = (folder / LOG).read_bytes()
    pd.testing.assert_frame_equal(register_table(table, folder, progress=False), whole)
    assert not asked
    register_table(table, folder, retry=True, progress=False)
    assert [row.line for row in asked] == whole.line[whole.error.notna()].tolist()
    assert (folder / LOG).read_bytes() == before


def test_a_name_that_changes_in_the_table_changes_in_the_results(whole, table):
    renamed = table.with_name("renamed.csv")
    pd.read_csv(table).assign(group="other").to_csv(renamed, index=False)
    again = register_table(renamed, table.parent / "whole", progress=False)
    assert set(again.group) == {"other"}
    pd.testing.assert_series_equal(again.mtre, whole.mtre)


def test_the_page_counts_by_group_and_loads_nothing(whole, table):
    groups = by_group(whole)
    assert groups.number.tolist() == [6, 2] and groups.failed.sum() == 3
    assert groups.mtre.to_dict() == whole.groupby("group").mtre.median().to_dict()
    register_table(table, table.parent / "whole", progress=False)
    page = (table.parent / "whole" / PAGE).read_text(encoding="utf-8")
    assert "http" not in page and "src=" not in page
    assert "frontal" in page and f"{groups.mtre['frontal']:.2f}" in page and CORRUPT in page


def test_a_log_that_was_cut_off_loses_its_last_row_only(tmp_path):
    (tmp_path / LOG).write_bytes(b'{"key": "a", "ncc": 0.5}\n{"key": "b", "n')
    assert read_log(tmp_path) == {"a": {"key": "a", "ncc": 0.5}}
    assert (tmp_path / LOG).read_bytes() == b'{"key": "a", "ncc": 0.5}\n'


def test_two_studies_do_not_write_into_one_folder(whole, table):
    folder = table.parent / "whole"
    before = (folder / LOG).read_bytes()
    with only_writer(folder), pytest.raises(FolderInUseError, match="another study is writing"):
        register_table(table, folder, progress=False)
    assert (folder / LOG).read_bytes() == before
    register_table(table, folder, progress=False)  # and afterwards it is free


class _Nobody:
    """In place of workers: there are none."""

    def __init__(self, workers):
        pass

    def __enter__(self):
        return None

    def __exit__(self, *error):
        return None


def _lines(folder):
    path = folder / LOG
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _workers(pid):
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if any("spawn_main" in word for word in child.cmdline())]
