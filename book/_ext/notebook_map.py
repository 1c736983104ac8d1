"""The map of the notebooks as an SVG: one line for each notebook, and a curve from it to each that needs it."""

from __future__ import annotations

from html import escape

from reading import Notebook

WIDTH = 408  # width of the drawing; a phone shows it at about this size
LINE = 48  # height of a notebook's line
HEAD = 34  # height of the line with the name of a part
DOTS = 80  # distance of the dots from the left edge; the curves are drawn to the left of them
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")  # colours of the parts, from Okabe and Ito's palette


def draw(parts: dict[str, list[Notebook]], href: str = "../notebooks/{}.html") -> str:
    """The drawing as the text of an ``<svg>`` element. Text and curves have the colours of the page around it.

    Parameters
    ----------
    parts
        Caption of a part → its notebooks, as ``reading.parts`` gives them.
    href
        Address of a notebook's page, with ``{}`` in place of the file's name without its ending.
    """
    heights, labels, y = {}, [], 0.0
    for (caption, notebooks), colour in zip(parts.items(), COLOURS, strict=False):
        labels.append(f'<text class="part" x="{DOTS - 7}" y="{y + 22}">{escape(caption)}</text>')
        y += HEAD
        for notebook in notebooks:
            heights[notebook.stem] = y + LINE / 2
            labels.append(_line(notebook, y + LINE / 2, colour, href.format(notebook.stem)))
            y += LINE
    known = [notebook for notebooks in parts.values() for notebook in notebooks]
    curves = [
        _curve(heights[need], heights[notebook.stem], optional)
        for notebook in known
        for need, optional in notebook.needs.items()
        if need in heights
    ]
    words = " ".join(_sentence(notebook, {each.stem: each.title for each in known}) for notebook in known)
    return "\n".join(
        [
            f'<svg class="notebook-map" viewBox="0 0 {WIDTH} {y + 6:.0f}" role="group" '
            'aria-labelledby="map-title map-words">',
            '<title id="map-title">Which notebook rests on which</title>',
            f'<desc id="map-words">{escape(words)}</desc>',
            '<defs><marker id="map-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>',
            *curves,
            *labels,
            "</svg>",
        ]
    )


def _line(notebook: Notebook, y: float, colour: str, href: str) -> str:
    return (
        f'<a href="{escape(href)}"><circle cx="{DOTS}" cy="{y}" r="7" fill="{colour}"/>'
        f'<text class="name" x="{DOTS + 18}" y="{y}">{notebook.stem[:2]} {escape(notebook.title)}</text>'
        f'<text class="time" x="{DOTS + 18}" y="{y + 19}">{escape(notebook.to_read)} to read</text></a>'
    )


def _curve(start: float, end: float, optional: bool) -> str:
    """A curve from the notebook that is needed, out to the left, to the one that needs it.

    The longer the way between them, the further to the left the curve goes.
    """
    down = 1 if end > start else -1
    reach = DOTS - 20 - min(18 + 0.2 * abs(end - start), 1.3 * DOTS)
    begin, tip = start + 3 * down, end - 4 * down
    kind = "helps" if optional else "needed"
    return (
        f'<path class="{kind}" marker-end="url(#map-tip)" aria-hidden="true" '
        f'd="M{DOTS - 9} {begin} C{reach:.0f} {begin} {reach:.0f} {tip} {DOTS - 9} {tip}"/>'
    )


def _sentence(notebook: Notebook, titles: dict[str, str]) -> str:
    firm = [titles[need] for need, optional in notebook.needs.items() if need in titles and not optional]
    return f"{notebook.title} needs {' and '.join(firm) if firm else 'no other notebook'}."
