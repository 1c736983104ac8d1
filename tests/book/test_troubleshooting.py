"""The page of troubles quotes what programs say today."""

import re
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

import numba
import pytest
from jupyter_client.kernelspec import NoSuchKernel
from the_book import BOOK, ROOT

PAGE = (BOOK / "troubleshooting.md").read_text(encoding="utf-8")


def quoted(text):
    assert text in PAGE, f"the page should quote {text!r}"
    return text


def test_messages_of_the_set_up():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert quoted("Python 3.11 or newer is needed") in makefile
    assert "cannot make environments" in makefile and "cannot make environments" in PAGE
    assert quoted("sudo apt install python3-venv") in makefile


def test_no_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import diffpose_nb"], capture_output=True, text=True, cwd=tmp_path
    )
    assert quoted("ModuleNotFoundError: No module named 'diffpose_nb'") in done.stderr


def test_no_kernel():
    assert str(NoSuchKernel("python3")) == quoted("No such kernel named python3")


def test_a_windows_path():
    with pytest.raises(SyntaxError) as caught:
        compile(r'path = "C:\Users\me\ct.nii.gz"', "cell", "exec")
    assert quoted("(unicode error) 'unicodeescape' codec can't decode bytes") in caught.value.msg


def test_what_mends_a_windows_path():
    for path in re.findall(r'`(r?"C:[^`]*ct\.nii\.gz")`', PAGE):
        assert Path(eval(path)).name.endswith("ct.nii.gz")


def test_numba_without_a_place():
    source = {}
    exec(compile("def f():\n    return 1", "<nowhere>", "exec"), source)
    with pytest.raises(RuntimeError, match=quoted("cannot cache function")):
        numba.njit(cache=True)(source["f"])


@pytest.mark.parametrize(
    "package, words",
    [
        ("jupyterlab", "appears to have died. It will restart automatically."),
        ("jupyterlab", "No Kernel"),
        ("jupyterlab_widgets", "Loading widget..."),
        ("jupyterlab_widgets", "Error displaying widget: model not found"),
    ],
)
def test_what_jupyterlab_says(package, words):
    scripts = [file.locate() for file in files(package) if file.suffix == ".js" and "test" not in file.parts]
    assert any(quoted(words) in script.read_text(encoding="utf-8", errors="ignore") for script in scripts)


@pytest.mark.parametrize(
    "words",
    [
        "slices are missing there",
        "several phases or acquisitions in one series",
        "none near -1000, which is air in Hounsfield units",
        "is the unit of length right?",
        "at the start",
    ],
)
def test_what_is_said_of_a_ct(words):
    """Strings in the code may be broken over lines."""
    sources = [*(ROOT / "diffpose_nb" / "ct").rglob("*.py"), *(ROOT / "diffpose_nb" / "register").glob("*.py")]
    joined = " ".join(re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8")) for path in sources)
    assert quoted(words) in joined
