"""The package is a house: each package imports only packages on floors below its own (book/floors.yml)."""

import ast
import importlib.util
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "diffpose_nb"
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_FILES = 10  # of a package or one of its folders, besides its face
SCREEN_LIBRARIES = {"pyvista", "vtkmodules", "trame_vtk", "ipywidgets"}
"""What the science does without, so that it can be used on a machine without a screen."""


@pytest.fixture(scope="module")
def make_floors():
    spec = importlib.util.spec_from_file_location("make_floors", ROOT / "book" / "make_floors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def floor_of(make_floors):
    """Package → its floor, 0 is the ground."""
    house = make_floors.floors()
    return {package: len(house) - 1 - n for n, floor in enumerate(house) for package in floor}


def imported(path):
    """Dotted names of what a file imports, those of the package as diffpose_nb.…; also from within functions."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def room(path):
    """The package that a file belongs to, None for the root's face; ``__main__`` is a door of ``cli``."""
    parts = path.relative_to(PACKAGE).parts
    return "cli" if path == PACKAGE / "__main__.py" else parts[0] if len(parts) > 1 else None


def test_only_packages_lie_at_the_root(floor_of):
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(floor_of)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_run_down(path, floor_of):
    for name in imported(path):
        first, *rest = name.split(".")
        if first == "diffpose_nb" and rest and rest[0] != room(path):
            assert floor_of[rest[0]] < floor_of[room(path)], f"{name} is not below {room(path)}"


def test_a_package_imports_itself_by_file_not_by_face():
    """Else what works depends on the order of the imports in the face."""
    faces = [
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in FILES
        if path.name != "__init__.py"
        for name in imported(path)
        if name.startswith(f"diffpose_nb.{room(path)}.") and not _leads_to_a_file(name)
    ]
    assert not faces


def _leads_to_a_file(name):
    """Or to a name within one, or within a folder of the package."""
    parts = name.split(".")[1:]
    places = [PACKAGE / Path(*parts[:k]) for k in range(2, len(parts) + 1)]
    return any(place.with_suffix(".py").exists() or (place / "__init__.py").exists() for place in places)


def test_the_science_needs_no_screen():
    drawn = {"scenes", "widgets", "commands", "cli"}
    quiet = [path for path in FILES if room(path) not in drawn]
    found = [(path, name) for path in quiet for name in imported(path) if name.split(".")[0] in SCREEN_LIBRARIES]
    assert not found


def test_simulation_and_renderer_share_no_code(floor_of):
    """An X-ray by which a registration is judged is not made by the renderer that it uses."""
    assert floor_of["simulate"] == floor_of["render"]


def test_rooms_are_small():
    crowded = {}
    for folder in {path.parent for path in FILES} - {PACKAGE / "exercises" / "sheets"}:
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        if len(files) > MOST_FILES:
            crowded[folder.name] = len(files)
    assert not crowded


def test_no_file_bears_the_name_of_a_function_in_its_face():
    """``from .rank import rank`` would hide the file behind the function."""
    same = [
        name
        for face in PACKAGE.glob("*/__init__.py")
        for name in imported(face)
        if len(name.split(".")) > 2 and name.split(".")[-1] == name.split(".")[-2] != room(face)
    ]
    assert not same


def test_every_face_says_what_it_is_for_and_what_it_imports(floor_of):
    for package in floor_of:
        text = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text(encoding="utf-8")))
        assert (text and "mports" in text) or package == "data", package


def test_the_picture_shows_the_floors(make_floors):
    picture = (ROOT / "book" / "images" / "floors.svg").read_text(encoding="utf-8")
    assert picture == make_floors.draw(make_floors.floors()), "python book/make_floors.py"
    assert "book/images/floors.svg" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_check_sees_an_arrow_that_runs_up(floor_of):
    assert floor_of["render"] > floor_of["camera"]
    assert all(high >= low for high, low in pairwise(floor_of.values()))
