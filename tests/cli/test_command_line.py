"""The command as a program: how fast it answers, what it describes, and how it ends."""

import os
import signal
import subprocess
import sys
import time
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_help_answers_at_once():
    """The best of three, since other programs may be busy; a bare import of torch takes longer than the limit."""
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, "-m", "diffpose_nb", "--help"], capture_output=True, encoding="utf-8", check=True
        )
        taken.append(time.perf_counter() - started)
    assert min(taken) < 1.0
    assert "register" in ran.stdout and "clinical use" in ran.stdout


@pytest.mark.parametrize("name", ["describe", "register", "train"])
def test_no_help_loads_what_only_the_work_needs(name):
    code = (
        "import sys; from diffpose_nb.cli.app import app\n"
        f"try: app(['{name}', '--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'pandas', 'pydicom', 'matplotlib') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a process alone")
def test_ctrl_c_writes_nothing(files, tmp_path):
    words = ["register", files.ct, files.front, files.side, "-o", tmp_path / "out", "--confirm", "40"]
    command = [sys.executable, "-m", "diffpose_nb", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        shown = b""
        while b"NCC=" not in shown:  # the registration has begun
            piece = process.stderr.read1()
            assert piece, shown
            shown += piece
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"interrupted" in out and list(tmp_path.iterdir()) == []


def test_the_entry_point_is_the_app():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, name = scripts["diffpose-nb"].split(":")
    assert callable(getattr(import_module(module), name))


def test_describe_says_what_is_there_and_what_is_to_be_given(call, files):
    result = call("describe", files.ct, files.front, files.picture)
    assert result.exit_code == 0, result.stderr
    assert "64 × 52 × 64" in result.stdout
    assert "(0018,1110)" in result.stdout and "1000" in result.stdout
    assert "note: Principal point" in result.stdout
    assert "112 x 112 pixels" in result.stdout and "to be given: --sid is missing" in result.stdout
    assert "Secret" not in result.stdout


def test_every_option_has_a_help(call):
    for command in ("describe", "register", "train"):
        text = call(command, "--help").stdout
        lines = [line for line in text.splitlines() if line.strip().startswith("-")]
        assert lines and all(len(line.strip()) > 12 for line in lines)
