"""Sphinx extension: every table of the book is one kind of table, whatever made it.

Tables come from Markdown, from DataFrames and from their Stylers. In the finished page each of them is put into a frame
that scrolls by itself, columns of numbers are marked and their decimal points stand below each other, and each cell
knows the name of its column. The style sheet does the rest; on a phone it lays a wide table out as cards.
"""

from __future__ import annotations

import re
from typing import Any

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx

TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
NUMBER = re.compile(r"[-−+±]?\d+(?P<decimals>\.\d+)?(?P<unit>\s?(?:%|°|[a-zµ]{1,3}))?")
NOTHING = {"", "nan", "NaN", "–", "—", "None"}
WIDE = 46
"""A table with more letters than this in a line does not fit on a phone."""


def reform(page: str) -> str:
    """Give every table of a page its frame, its marks and its labels. ``page`` is HTML, and so is the result."""
    return TABLE.sub(lambda match: _reform(match.group()), page)


def _reform(text: str) -> str:
    soup = BeautifulSoup(text, "html.parser")
    table = soup.table
    rows = [row for row in table.find_all("tr") if row.find_parent("thead") is None]
    columns = [row.find_all(["th", "td"], recursive=False) for row in rows]
    heads = table.thead.find_all("tr") if table.thead else []
    names = heads[-1].find_all(["th", "td"], recursive=False) if heads else []
    width = max((len(cells) for cells in columns), default=0)
    plain = all(len(cells) == width for cells in columns) and not table.find(attrs={"rowspan": True})
    if plain and rows:
        for n in range(width):
            head = names[n] if len(names) == width else None
            _column([cells[n] for cells in columns], head)
    kinds = ["table-frame"]
    if plain and len(heads) == 1 and len(names) == width > 2 and _letters([names, *columns], width) > WIDE:
        _label(columns, [name.get_text(" ", strip=True) for name in names])
        _roles(table)
        kinds.append("as-cards")
    # a frame that scrolls can be reached with the keyboard
    frame = f'<div class="{" ".join(kinds)}" tabindex="0" role="group" aria-label="table">'
    return f"{frame}{soup}</div>"


def _column(cells: list[Tag], head: Tag | None) -> None:
    """Mark a column of numbers, and fill shorter decimals up with digits that are not seen."""
    texts = [cell.get_text(strip=True) for cell in cells]
    found = [NUMBER.fullmatch(text) for text in texts]
    if not any(found) or any(match is None and text not in NOTHING for match, text in zip(found, texts, strict=True)):
        return
    for cell in [*cells, *([head] if head is not None else [])]:
        cell["class"] = [*(cell.get("class") or []), "number"]
    longest = max(len(match["decimals"] or "") for match in found if match)
    for cell, match in zip(cells, found, strict=True):
        missing = longest - len(match["decimals"] or "") if match else 0
        if missing:
            digits = "0" * missing if match["decimals"] else "." + "0" * (missing - 1)
            pad = BeautifulSoup(f'<span class="unseen" aria-hidden="true">{digits}</span>', "html.parser").span
            if match["unit"]:
                cell.string = match.group()[: match.start("unit") - match.start()]
                cell.append(pad)
                cell.append(match["unit"])
            else:
                (cell.find_all(True) or [cell])[-1].append(pad)


def _letters(lines: list[list[Tag]], width: int) -> int:
    """About how many letters a line of the table needs: in each column the longest word, or 22 letters of a text."""
    total = 0
    for n in range(width):
        texts = [line[n].get_text(" ", strip=True) for line in lines]
        words = max((len(word) for text in texts for word in text.split()), default=0)
        total += max(words, min(max(map(len, texts)), 22)) + 2
    return total


def _label(columns: list[list[Tag]], names: list[str]) -> None:
    for cells in columns:
        for cell, name in zip(cells, names, strict=True):
            if name:
                cell["data-label"] = name
            if not cell.get_text(strip=True):
                cell["class"] = [*(cell.get("class") or []), "nothing"]


def _roles(table: Tag) -> None:
    """Say in ARIA what the tags say, since a browser forgets it when a table is laid out as cards."""
    table["role"] = "table"
    for group in table.find_all(["thead", "tbody"]):
        group["role"] = "rowgroup"
    for row in table.find_all("tr"):
        row["role"] = "row"
        for cell in row.find_all(["th", "td"], recursive=False):
            head = "columnheader" if row.find_parent("thead") else "rowheader"
            cell["role"] = head if cell.name == "th" else "cell"


def reform_page(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document) -> None:
    """Reform the tables of one page that Sphinx is about to write."""
    if "<table" in context.get("body", ""):
        context["body"] = reform(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", reform_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
