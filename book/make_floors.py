"""``python book/make_floors.py`` draws book/images/floors.svg from book/floors.yml.

The picture shows the packages of diffpose_nb as floors of a house: each imports only packages on floors below its own.
CONTRIBUTING.md and the reference show it. Its text is as large as that of the page, and its colours can be read on
white and on black.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import yaml

BOOK = Path(__file__).parent
WIDTH, HEIGHT, GAP = 760, 46, 6
BLUE = "#0072b2"


def floors() -> list[dict[str, str]]:
    """The floors from the top down. Each maps the names of its packages to what they are for."""
    return yaml.safe_load((BOOK / "floors.yml").read_text(encoding="utf-8"))


def draw(house: list[dict[str, str]]) -> str:
    """The drawing as the text of an SVG file."""
    height = len(house) * (HEIGHT + GAP) - GAP
    rows = []
    for n, floor in enumerate(house):
        y, room = n * (HEIGHT + GAP), (WIDTH - GAP * (len(floor) - 1)) / len(floor)
        for k, (package, purpose) in enumerate(floor.items()):
            x = k * (room + GAP)
            rows.append(
                f'<rect x="{x + 1:g}" y="{y + 1}" width="{room - 2:g}" height="{HEIGHT - 2}" rx="4" fill="{BLUE}"/>'
                f'<text x="{x + room / 2:g}" y="{y + 19}" font-weight="600" font-size="15">{escape(package)}</text>'
                f'<text x="{x + room / 2:g}" y="{y + 36}" font-size="12">{escape(purpose)}</text>'
            )
    title = "The packages of diffpose_nb, floor by floor; each imports only packages on floors below its own"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
        f'font-family="sans-serif" text-anchor="middle" fill="white">\n<title>{title}</title>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    (BOOK / "images" / "floors.svg").write_text(draw(floors()), encoding="utf-8")
