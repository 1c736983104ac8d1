"""The files around the code agree with each other."""

import re
import shutil
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
LARGEST_FILE = 1_500_000  # bytes
LARGEST_NETWORK = 6_000_000
GUIDES = ["README.md", "CONTRIBUTING.md"]


@pytest.fixture(scope="module")
def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pins():
    """Name → version of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    assert not [str(r) for r in requirements if r.url or not re.fullmatch(r"==[^*,]+", str(r.specifier))]
    return {_normal(r.name): str(r.specifier).removeprefix("==") for r in requirements}


def test_every_dependency_has_a_tested_version(pyproject, pins):
    project = pyproject["project"]
    wanted = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pins[_normal(requirement.name)]), requirement


def test_constraints_suit_every_system(pins):
    assert not [name for name in pins if name.startswith(("nvidia-", "cuda-", "triton", "pywin"))]


def test_constraints_suit_every_python(pyproject):
    """A package that drops the oldest Python in mid-series, as soupsieve did with 3.11.4, stops the set-up there."""
    oldest = pyproject["project"]["requires-python"].removeprefix(">=") + ".0"
    needs = {found.metadata["Name"]: found.metadata.get("Requires-Python") for found in metadata.distributions()}
    assert not {name: python for name, python in needs.items() if python and not SpecifierSet(python).contains(oldest)}


def test_readme_lists_every_notebook():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    notebooks = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert set(re.findall(r"\(notebooks/(\w+\.ipynb)\)", text)) == notebooks


@pytest.mark.parametrize("guide", GUIDES)
def test_commands_exist(guide):
    text = (ROOT / guide).read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^ {4,}.*$|`[^`]+`", text, re.MULTILINE))
    targets = set(re.findall(r"\bmake ([a-z]+)", code))
    assert targets and targets <= set(
        re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )


@pytest.mark.parametrize("guide", GUIDES)
def test_links_lead_to_files(guide):
    targets = re.findall(r"\]\(([^)]+)\)", (ROOT / guide).read_text(encoding="utf-8"))
    assert not [t for t in targets if not t.startswith("http") and not (ROOT / t).exists()]


def test_readme_names_the_tested_torch(pins):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"torch=={pins['torch']} torchvision=={pins['torchvision']} " in text


def test_citation(pyproject):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == pyproject["project"]["version"]
    assert [reference["notes"] for reference in citation["references"]] == ["DiffPose", "DiffDRR"]


def test_conda_environment_adds_no_list_of_its_own():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["dependencies"] == ["python>=3.11", "make", "pip", {"pip": ["-e ."]}]


def test_no_large_files():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    limits = {path: LARGEST_NETWORK if path.suffix == ".pt" else LARGEST_FILE for path in paths if path.is_file()}
    assert limits and not [path for path, limit in limits.items() if path.stat().st_size > limit]
    assert len([path for path in limits if path.suffix == ".pt"]) == 1, "one network, committed once"


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()
