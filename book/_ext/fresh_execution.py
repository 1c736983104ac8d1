"""Sphinx extension: a notebook is executed again when what it runs on has changed.

The book keeps executed notebooks, so that a second build takes seconds. That cache compares a notebook's code
with what it has seen; it knows nothing of the package that the code imports. Here its folder is named after
the contents of the package, of pyproject.toml and of constraints.txt: change one of them and every notebook runs.
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

# Progress bars have nothing to say on a page. tqdm's notebook bar would leave a widget's state there, and ask for the
# web scripts that show it; the plain one, switched off or at least delayed for good, draws nothing.
NO_PROGRESS = {"TQDM_DISABLE": "1", "TQDM_DELAY": "1000000000"}
# Controls do nothing without a kernel: diffpose_nb.widgets then shows pictures made in advance.
NO_KERNEL = {"DIFFPOSE_NB_STATIC": "1"}
PLAIN_TQDM = """\
import sys
import tqdm.std
sys.modules["tqdm.autonotebook"] = tqdm.std
"""


def fingerprint(root: Path) -> str:
    """Sixteen hexadecimal digits that change when a file that notebooks run on is added, removed or edited."""
    digest = hashlib.sha256()
    for name in WHAT_NOTEBOOKS_RUN_ON:
        path = root / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"{file.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:16]


def name_cache(app: Sphinx, config: Config) -> None:
    """Point the notebook cache at the folder of the present fingerprint, and delete those of the past."""
    root = Path(app.srcdir)
    cache = root / CACHES / f"{PREFIX}{fingerprint(root)}"
    for old in (root / CACHES).glob(f"{PREFIX}*"):
        if old != cache:
            shutil.rmtree(old)
    config.nb_execution_cache_path = str(cache)


def prepare_kernels(root: Path) -> None:
    """Kernels of this environment, pictures in the page, no progress bars and no live controls, whatever is set."""
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # a kernel named python3 in the home folder would come first
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
