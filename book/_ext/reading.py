"""Reads what a notebook says about itself at its top, and which part of the book it belongs to."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

GOAL, NEED, TIME = "What you will be able to do", "What you need first", "How long it takes"
"""Names of the three parts of the quotation at a notebook's top, each in bold letters."""


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
        What *What you need first* says, as Markdown.
    needs
        Stems of the notebooks that this part links to, in its order. The value is ``True`` if it says that
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
        If it has no title, lacks one of these parts, or says in other words how long it takes.
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "".join(cells[0]["source"]) if cells else ""
    title = re.match(r"# (.+)", text)
    quoted = "\n".join(line.removeprefix(">").strip() for line in text.splitlines() if line.startswith(">"))
    first = re.search(rf"^\*\*{NEED}\.\*\* +(.*?)\n+\*\*{TIME}\.\*\*", quoted, re.DOTALL | re.MULTILINE)
    time = re.search(rf"^\*\*{TIME}\.\*\* +(.+?) to run on .*?\. (.+?) to read\b", quoted, re.MULTILINE)
    if not (title and first and time):
        raise ValueError(
            f"{path.name}: a title and a quotation with '**{NEED}.** …' and '**{TIME}.** … to run on two CPU cores. "
            "… to read.' have to stand in the first cell"
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
