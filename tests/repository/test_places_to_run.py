"""Where else the project runs: GitHub Actions, Codespaces, Binder, without a network; and a server for the book."""

import json
import re
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CPU_TORCH = "https://download.pytorch.org/whl/cpu"


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def make(folder, *arguments, **kwargs):
    """A target of the Makefile, with the environment taken as it is."""
    command = ["make", "-C", str(folder), "-o", ".venv/.ready", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", **kwargs)


def valid(*paths):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    return subprocess.run([*command, *map(str, paths)], capture_output=True, text=True)


def test_workflows_are_what_github_takes():
    done = valid(*WORKFLOWS)
    assert done.returncode == 0, done.stdout


def test_the_check_sees_a_wrong_workflow(tmp_path):
    text = WORKFLOWS[0].read_text(encoding="utf-8")
    (tmp_path / "wrong.yml").write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    assert valid(tmp_path / "wrong.yml").returncode == 1


def test_the_workflow_runs_everything_and_publishes_what_was_tested():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8"))
    test, publish = workflow["jobs"]["test"], workflow["jobs"]["publish"]
    runs = [step.get("run", "") for step in test["steps"]]
    uses = [step.get("uses", "").partition("@")[0] for step in test["steps"]]
    assert uses.index("actions/checkout") < runs.index(".ci/run") < uses.index("actions/upload-pages-artifact")
    (upload,) = (step for step in test["steps"] if "upload-pages" in step.get("uses", ""))
    assert f"{upload['with']['path']}/index.html" in MAKEFILE, "where make book puts it"
    assert publish["needs"] == "test" and publish["if"] == "github.ref == 'refs/heads/main'"
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert workflow["permissions"] == {"contents": "read"}, "all else may only read"


def test_everywhere_the_tested_python(project):
    oldest = project["requires-python"].removeprefix(">=")
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8"))
    assert (ROOT / ".binder" / "runtime.txt").read_text(encoding="utf-8") == f"python-{oldest}\n"
    assert f"/python:{oldest}-" in container["image"]
    assert workflow["jobs"]["test"]["container"].startswith(f"python:{oldest}-")


def test_codespaces_set_up_by_make():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"].endswith("&& make .venv/.ready")
    assert container["containerEnv"]["PIP_EXTRA_INDEX_URL"] == CPU_TORCH
    assert container["hostRequirements"]["memory"] == "8gb"
    assert set(container["portsAttributes"]) == {str(port) for port in container["forwardPorts"]}


def test_binder_installs_the_project_and_nothing_else():
    folder = ROOT / ".binder"
    lines = [line for line in (folder / "requirements.txt").read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert lines == [f"--extra-index-url {CPU_TORCH}", "-c ../constraints.txt", "-e ."]
    assert (folder / "../constraints.txt").exists()
    warm = (folder / "postBuild").read_text(encoding="utf-8")
    assert re.search(r"python -m (\S+)", warm).group(1) in MAKEFILE, "what make does after an installation"
    assert (folder / "postBuild").stat().st_mode & 0o100


def test_memory_is_said_where_it_is_asked_for():
    teaching = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
    assert "**4 GB of memory for each student**" in teaching and "2 cores and 8 GB" in teaching
    assert "memory" in (ROOT / ".binder" / "requirements.txt").read_text(encoding="utf-8")


def test_a_wheelhouse_holds_everything_but_the_project(tmp_path):
    """With a pip that only writes down what it was asked for."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    python = tmp_path / "python"
    python.write_text(
        f"#!{sys.executable}\n"
        "import os, pathlib, sys\n"
        "if sys.argv[1:4] == ['-m', 'pip', 'wheel']:\n"
        "    pathlib.Path('asked.txt').write_text(' '.join(sys.argv[4:]))\n"
        "    folder = pathlib.Path(sys.argv[sys.argv.index('--wheel-dir') + 1])\n"
        "    folder.mkdir()\n"
        "    for name in ('diffpose_nb-0.1.0', 'torch-2.0', 'pip-24'):\n"
        "        (folder / f'{name}-py3-none-any.whl').write_bytes(bytes(100_000_000))\n"
        "else:\n"
        f"    os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])\n",
        encoding="utf-8",
    )
    python.chmod(0o755)
    done = make(tmp_path, f"PY={python}", "wheelhouse", "TORCH=cpu")
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked.txt").read_text(encoding="utf-8")
    assert "-c constraints.txt" in asked and ".[book,test,reference]" in asked and "setuptools>=77" in asked
    assert f"--extra-index-url {CPU_TORCH}" in asked
    house = sorted(path.name for path in (tmp_path / "wheelhouse").iterdir())
    assert house == ["README.md", "pip-24-py3-none-any.whl", "torch-2.0-py3-none-any.whl"]
    readme = (tmp_path / "wheelhouse" / "README.md").read_text(encoding="utf-8")
    assert "2 packages, 0.2 GB" in readme and f"Python {sys.version_info[0]}.{sys.version_info[1]} on" in readme
    assert '--no-index --find-links wheelhouse -c constraints.txt -e ".[book,test,reference]"' in readme


def test_serve_shows_the_book(tmp_path):
    page = tmp_path / "book" / "_build" / "html" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("the book", encoding="utf-8")
    (tmp_path / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["make", "-C", str(tmp_path), "-o", ".venv/.ready", f"PY=exec {sys.executable}", "serve", f"PORT={port}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert _fetch(f"http://127.0.0.1:{port}/") == "the book"
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_serve_says_if_there_is_no_book(tmp_path):
    (tmp_path / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    done = make(tmp_path, f"PY={sys.executable}", "serve")
    assert done.returncode != 0 and "make book" in done.stdout


def _fetch(url):
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return response.read().decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
