"""Sphinx extension: notebooks are executed again when the package that they use has changed.

The book keeps executed notebooks in a cache, so that a second build takes seconds. The cache executes a notebook again
if its code has changed, but it does not know the package that the code imports. So this extension names the folder of
the cache after the contents of the package, of pyproject.toml and of constraints.txt. If one of them changes, the cache
is in a new, empty folder, and every notebook is executed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

WHAT_NOTEBOOKS_RUN_ON = ("diffpose_nb", "pyproject.toml", "constraints.txt")
CACHES = Path("book/_build")
PREFIX = "executed-"

# Progress bars are of no use on a page of the book. tqdm's bar for notebooks would leave the state of a widget there,
# and load scripts from the web to show it. So notebooks get tqdm's plain bar. It is switched off; where code switches
# it on nevertheless, the long delay keeps it from being drawn.
NO_PROGRESS = {"TQDM_DISABLE": "1", "TQDM_DELAY": "1000000000"}
# Controls do nothing without a kernel. With this variable diffpose_nb.widgets shows pictures made in advance.
NO_KERNEL = {"DIFFPOSE_NB_STATIC": "1"}
PLAIN_TQDM = """\
import sys
import tqdm.std
sys.modules["tqdm.autonotebook"] = tqdm.std
"""


def fingerprint(root: Path) -> str:
    """Sixteen hexadecimal digits that change when a file in WHAT_NOTEBOOKS_RUN_ON is added, removed or edited."""
    digest = hashlib.sha256()
    for name in WHAT_NOTEBOOKS_RUN_ON:
        path = root / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"{file.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:16]


def name_cache(app: Sphinx, config: Config) -> None:
    """Set the folder of the notebook cache to that of the current fingerprint, and delete folders of older ones."""
    root = Path(app.srcdir)
    cache = root / CACHES / f"{PREFIX}{fingerprint(root)}"
    for old in (root / CACHES).glob(f"{PREFIX}*"):
        if old != cache:
            shutil.rmtree(old)
    config.nb_execution_cache_path = str(cache)


def prepare_kernels(root: Path) -> None:
    """Set environment variables for the kernels that execute the notebooks, whatever the user has set.

    Kernels are those of this Python environment, pictures are drawn into the page, and there are no progress bars and
    no live controls.
    """
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # else a kernel named python3 in the home folder would be taken
    for name in ("JUPYTER_PATH", "MPLBACKEND"):
        os.environ.pop(name, None)
    ipython = root / CACHES / "ipython"
    startup = ipython / "profile_default" / "startup" / "plain_tqdm.py"
    startup.parent.mkdir(parents=True, exist_ok=True)
    startup.write_text(PLAIN_TQDM)
    os.environ["IPYTHONDIR"] = str(ipython)
    os.environ.update(NO_PROGRESS | NO_KERNEL)


def setup(app: Sphinx) -> dict[str, bool]:
    prepare_kernels(Path(app.srcdir))
    app.connect("config-inited", name_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
