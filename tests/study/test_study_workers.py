"""The engine under a study: workers that die, threads, and the jobs of a cluster (with a queue that is made up)."""

import os
import re
import signal
import stat
import subprocess
from types import SimpleNamespace

import pytest

from diffpose_nb.study import ClusterError, job_script
from diffpose_nb.study.table.running import run
from diffpose_nb.study.table.workers import cluster_workers, local_workers

SETTINGS = "    cores: 4\n    memory: 12GB\n    walltime: '04:00:00'\n"


def rows(number):
    """In place of rows of a table, whose import would take the workers seconds."""
    return [SimpleNamespace(ct=n % 2, key=str(n)) for n in range(number)]


@pytest.fixture
def described(tmp_path):
    def write(kind="slurm", more=""):
        path = tmp_path / "cluster.yaml"
        path.write_text(f"jobqueue:\n  {kind}:\n{SETTINGS}{more}", encoding="utf-8")
        return path

    return write


@pytest.fixture
def an_end():
    """Where no worker ever comes, a study waits, and a test fails."""

    def too_long(*_):
        raise TimeoutError("the rows were not done after five minutes")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(os.name == "nt", reason="the test's alarm is Unix's")
@pytest.mark.usefixtures("an_end")
def test_a_row_that_kills_its_workers_fails_and_the_others_go_on(monkeypatch):
    def deadly(row):
        if row.key == "1":
            os._exit(9)
        return {"key": row.key, "threads": os.environ["NUMBA_NUM_THREADS"]}

    monkeypatch.setattr("diffpose_nb.study.table.running.DEATHS", 2)
    with local_workers(1) as client:
        found = {entry["key"]: entry for entry in run(client, rows(4), deadly)}
    assert set(found) == {"0", "1", "2", "3"}
    assert "were killed while they registered this row" in found["1"]["error"]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    own = os.environ.get("NUMBA_NUM_THREADS")
    assert found["0"]["threads"] == str(min(cores, int(own)) if own else cores)


@pytest.mark.parametrize(
    ("kind", "directives"),
    [
        ("slurm", ["#SBATCH --cpus-per-task=4", "#SBATCH --mem=12G", "#SBATCH -t 04:00:00", "#SBATCH -p long"]),
        ("pbs", ["#PBS -l select=1:ncpus=4", "#PBS -l walltime=04:00:00", "#PBS -q long"]),
        ("sge", ["#$ -l h_rt=04:00:00", "#$ -q long"]),
    ],
)
def test_the_script_of_a_job_asks_for_what_the_file_says(described, kind, directives):
    script = job_script(described(kind, "    queue: long\n    processes: 2\n"))
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
    for directive in directives:
        assert directive in script
    for name in ("NUMBA", "OMP", "MKL", "OPENBLAS"):
        assert f"export {name}_NUM_THREADS=2\n" in script
    assert script.index("export NUMBA_NUM_THREADS") < script.index("dask_worker"), "before numba is imported"
    assert "--nworkers 2" in script and re.search(r"--nthreads (\d+)\s*$", script).group(1) == "1"


def test_a_job_has_as_many_workers_as_cores(described):
    script = job_script(described())
    assert "--nworkers 4" in script and "export NUMBA_NUM_THREADS=1\n" in script


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read as YAML"),
        ("jobqueue: [", "cannot be read as YAML"),
        ("slurm:\n  cores: 4\n", "under jobqueue it has to hold one of slurm, pbs, sge"),
        ("jobqueue:\n  lsf:\n    cores: 4\n", "one of slurm, pbs, sge"),
        ("jobqueue:\n  slurm:\n    cores: 4\n", "memory missing under slurm"),
        ("jobqueue:\n  slurm:\n    cores: four\n    memory: 4GB\n", "cores is 'four'"),
        ("jobqueue:\n  slurm:\n    cores: 4\n    memory: 4GB\n    wall: 3\n", "refuses what is under slurm.*wall"),
    ],
)
def test_a_file_that_describes_no_cluster_is_refused(tmp_path, text, words):
    path = tmp_path / "cluster.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ClusterError, match=words) as raised:
        job_script(path)
    assert str(path) in str(raised.value)


@pytest.mark.skipif(os.name == "nt", reason="queues are Unix's")
@pytest.mark.usefixtures("an_end")
def test_jobs_are_submitted_work_and_are_cancelled(described, tmp_path, monkeypatch):
    """``sbatch`` and ``scancel`` are scripts that run the job on this computer; the job's script is the real one.

    The script that ``sbatch`` is given is deleted as soon as it has returned, so that a copy is run.
    """
    (tmp_path / "bin").mkdir()
    _program(
        tmp_path / "bin" / "sbatch",
        f'cp "$1" {tmp_path}/job.sh\nsetsid bash {tmp_path}/job.sh >/dev/null 2>&1 &\necho "Submitted batch job $!"',
    )
    _program(tmp_path / "bin" / "scancel", f'echo "$@" >> {tmp_path}/cancelled\nkill -- -"$1"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with cluster_workers(described(more="    processes: 1\n"), 1) as client:
        found = list(run(client, rows(3), lambda row: {"key": row.key, "threads": os.environ["OMP_NUM_THREADS"]}))
    assert sorted(entry["key"] for entry in found) == ["0", "1", "2"]
    assert {entry["threads"] for entry in found} == {"4"}
    assert "#SBATCH --cpus-per-task=4" in (tmp_path / "job.sh").read_text()
    assert (tmp_path / "cancelled").read_text().strip().isdigit()


def _program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
