"""Reads what a notebook says about itself at its top, and which part of the book it belongs to."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml


def anchor(heading: str) -> str:
    """The anchor of a heading, as MyST makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@dataclass(frozen=True)
class Notebook:
    """What a notebook says about itself at its top.

    Attributes
    ----------
    stem
        Name of the notebook's file without its ending.
    title
        Text of the heading, up to the colon.
    first
        Content of the section *What you need first*, as Markdown.
    needs
        Stems of the notebooks that this section links to, in its order. The value is ``True`` if the section says that
        the notebook only helps, or is not needed.
    to_run, to_read
        The two times in *How long it takes*, such as "Half a minute".
    """

    stem: str
    title: str
    first: str
    needs: dict[str, bool]
    to_run: str
    to_read: str


def read_notebook(path: Path) -> Notebook:
    """Read what one notebook says about itself.

    Raises
    ------
    ValueError
        If it has no title, lacks a section, or says in other words how long it takes.
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    title = re.match(r"# (.+)", text)
    first = re.search(r"^## What you need first\n+(.*?)\n+## ", text, re.DOTALL | re.MULTILINE)
    time = re.search(r"^## How long it takes\n+(.+?) to run on .*?\. (.+?) to read\b", text, re.MULTILINE)
    if not (title and first and time):
        raise ValueError(
            f"{path.name}: a title, 'What you need first' and 'How long it takes' (… to run on two CPU "
            "cores. … to read.) have to stand at the top"
        )
    needs = {}
    for sentence in re.split(r"(?<=[.!?])\s", first.group(1)):
        for stem in re.findall(r"\]\((\d\d_\w+)\.ipynb", sentence):
            needs[stem] = "not needed" in sentence or "helps" in sentence
    return Notebook(path.stem, title.group(1).partition(":")[0], first.group(1), needs, time.group(1), time.group(2))


def parts(root: Path) -> dict[str, list[Notebook]]:
    """Caption of a part → its notebooks, in the order of book/_toc.yml. Parts without notebooks are left out.

    Parameters
    ----------
    root
        The folder of the repository.
    """
    contents = yaml.safe_load((root / "book" / "_toc.yml").read_text(encoding="utf-8"))
    found = {}
    for part in contents["parts"]:
        files = [chapter["file"] for chapter in part["chapters"] if chapter["file"].startswith("notebooks/")]
        if files:
            found[part["caption"]] = [read_notebook(root / f"{file}.ipynb") for file in files]
    return found
