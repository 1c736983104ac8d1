"""``python book/make_faq.py`` makes faq.md from faq.yml: every question with its answer and a link.

The link leads to a heading of a notebook (``notebook``), or of a page of the book (``page``).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

BOOK = Path(__file__).parent
sys.path.insert(0, str(BOOK / "_ext"))
from reading import anchor  # noqa: E402  (the extensions of the book use the same anchors)


def page() -> str:
    """The text of faq.md.

    Raises
    ------
    ValueError
        If a question links to a heading that its notebook does not have.
    """
    lines = [
        "# What people ask",
        "",
        "Asked in public, in our words. Each answer links to a cell that can be run.",
        "",
    ]
    for theme in yaml.safe_load((BOOK / "faq.yml").read_text(encoding="utf-8")):
        lines += [f"## {theme['theme']}", ""]
        for entry in theme["questions"]:
            heading = entry["heading"]
            source, link = _source(entry)
            if f"## {heading}" not in _headings(source):
                raise ValueError(f"{entry['question']}: {source.name} has no heading {heading!r}")
            link = f"{link}#{anchor(heading)}"
            lines += [f"**{entry['question']}**", f": {entry['answer']} [Try it]({link})", ""]
    return "\n".join(lines)


def _source(entry: dict[str, str]) -> tuple[Path, str]:
    """The file that answers a question, and how faq.md links to it."""
    if "page" in entry:
        return BOOK / f"{entry['page']}.md", f"{entry['page']}.md"
    name = f"{entry['notebook']}.ipynb"
    return BOOK.parent / "notebooks" / name, f"../notebooks/{name}"


def _headings(source: Path) -> set[str]:
    """The headings of a notebook or a page, with their number signs."""
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return set(text.splitlines())


if __name__ == "__main__":
    (BOOK / "faq.md").write_text(page(), encoding="utf-8")
