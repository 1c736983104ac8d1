"""``python book/make_faq.py`` makes faq.md from faq.yml: every question with its answer and a link to a notebook."""

from __future__ import annotations

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
            notebook, heading = entry["notebook"], entry["heading"]
            if f'"## {heading}' not in _headings(notebook):
                raise ValueError(f"{entry['question']}: {notebook} has no heading {heading!r}")
            link = f"../notebooks/{notebook}.ipynb#{anchor(heading)}"
            lines += [f"**{entry['question']}**", f": {entry['answer']} [Try it]({link})", ""]
    return "\n".join(lines)


def _headings(notebook: str) -> str:
    text = (BOOK.parent / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8")
    return text.replace('\\"', '"')


if __name__ == "__main__":
    (BOOK / "faq.md").write_text(page(), encoding="utf-8")
