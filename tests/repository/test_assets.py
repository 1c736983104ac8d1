"""Scripts and styles are laid out as ``make format`` lays them out; that they work, the tests in browsers see."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASSETS = sorted((ROOT / "diffpose_nb").glob("*/assets/*")) + sorted((ROOT / "book" / "_static").glob("*.js"))


@pytest.fixture(scope="module")
def laid_out():
    spec = importlib.util.spec_from_file_location("format_assets", ROOT / "book" / "format_assets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.laid_out


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_laid_out_as_make_format_does(path, laid_out):
    text = path.read_text(encoding="utf-8")
    assert laid_out(text, path.suffix) == text, "make format"


def test_the_check_sees_what_is_out_of_place(laid_out):
    assert laid_out("if (a) {\nb();\n}\n", ".js") == "if (a) {\n  b();\n}\n"
    assert laid_out("p { color: red }", ".css") == "p {\n  color: red\n}\n"
