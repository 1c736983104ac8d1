"""``python book/make_faq.py`` makes faq.md from faq.yml: every question with its answer and a link.

The link leads to a heading of a notebook (``notebook``), or of a page of the book (``page``).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import yaml

BOOK = Path(__file__).parent
_NAMES = {"Adam", "Hounsfield unit", "Siddon's method", "Beer-Lambert law", "Gauss-Newton", "Fisher information"}
"""Terms that begin with a person's name."""
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
        "[The glossary](glossary.md) explains the terms.",
        "",
    ]
    known = {"source", "detector"}  # plain words here
    for theme in yaml.safe_load((BOOK / "faq.yml").read_text(encoding="utf-8")):
        lines += [f"## {theme['theme']}", ""]
        for entry in theme["questions"]:
            heading = entry["heading"]
            source, link = _source(entry)
            if f"## {heading}" not in _headings(source):
                raise ValueError(f"{entry['question']}: {source.name} has no heading {heading!r}")
            link = f"{link}#{anchor(heading)}"
            answer = _with_terms(entry["answer"], known)
            lines += [f"### {entry['question']}", "", f"{answer} [Try it]({link})", ""]
    return "\n".join(lines)


def _with_terms(answer: str, known: set[str]) -> str:
    """An answer in which terms of the glossary are links, each where the page first has it; code stays as it is."""
    parts = re.split(r"(`[^`]*`|\[[^\]]*\]\([^)]*\))", answer)
    for term in sorted(_terms() - known, key=len, reverse=True):
        for n in range(0, len(parts), 2):  # those between code and links
            found = re.search(rf"(?<![\w-]){re.escape(term)}(?![\w-])", parts[n])
            if found:
                link = f"[{term}](glossary.md#{anchor(term)})"
                parts[n : n + 1] = [parts[n][: found.start()], link, parts[n][found.end() :]]
                known.add(term)
                break
    return "".join(parts)


def _terms() -> set[str]:
    """The terms of the glossary as they stand within a sentence: abbreviations, and words without their capital."""
    lines = (BOOK / "glossary.md").read_text(encoding="utf-8").splitlines()
    terms = {line.removeprefix("### ") for line in lines if line.startswith("### ")}
    return {term if term[1:2].isupper() or term in _NAMES else term[0].lower() + term[1:] for term in terms}


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
