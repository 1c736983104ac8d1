"""Sphinx extension: buttons that lead to the repository and to Colab, if the repository has an address.

The address is ``repository`` under ``[project.urls]`` of pyproject.toml. If it is missing, there are no buttons.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

BRANCH = "main"
COLAB = "https://colab.research.google.com"


def address(root: Path) -> str | None:
    """The URL of the repository, without a slash or ``.git`` at its end; ``None`` if pyproject.toml has none."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    urls = {name.lower(): url for name, url in project.get("urls", {}).items()}
    return urls["repository"].rstrip("/").removesuffix(".git") if "repository" in urls else None


def options(url: str | None) -> dict:
    """The theme's options for a repository. Only one on GitHub gets a button to Colab, since Colab opens no others."""
    if url is None:
        return {}
    links = {"repository_url": url, "repository_branch": BRANCH, "use_repository_button": True}
    if "//github.com/" in url:
        links |= {"use_issues_button": True, "launch_buttons": {"colab_url": COLAB}}
    return links


def add_buttons(app: Sphinx, config: Config) -> None:
    """Add these options to those of the theme in the configuration."""
    config.html_theme_options.update(options(address(Path(app.srcdir))))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", add_buttons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
