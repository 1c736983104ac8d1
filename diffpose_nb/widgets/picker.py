"""Pictures of which the reader picks one by a few controls, as one piece of HTML that needs nothing else.

Every combination is drawn in advance. So it works wherever the output of a cell is shown, with or without a kernel. If
scripts are switched off, all pictures are shown one below another.
"""

from __future__ import annotations

import html
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from IPython.display import HTML

from ..runtime import script, style
from .page import KEYS
from .steps import Picture, encode

_MOST = 64
"""So many pictures at most: a page with more is slow to load."""


class Choice(NamedTuple):
    """What is shown for one combination."""

    picture: Picture
    """A figure, which is closed; an array (rows, columns) or (rows, columns, 3), 0 to 1; or the bytes of a PNG file."""
    alt: str
    """A sentence that says what the picture shows, for readers who cannot see it."""
    caption: str = ""
    """One or two sentences below the picture."""


def choose(
    controls: Mapping[str, Sequence[str]],
    draw: Callable[..., Choice],
    *,
    start: Sequence[str] | None = None,
    label: str = "picture",
) -> HTML:
    """Pictures of which one is shown, as the reader has set the controls.

    Parameters
    ----------
    controls
        Name of a control → its options.
    draw
        Called once for each combination, with one option of each control in their order. It returns a :class:`Choice`.
    start
        What is set at first, one option of each control. Default the first of each.
    label
        What is chosen, for screen readers.

    Returns
    -------
    IPython.display.HTML
        It contains all pictures and loads nothing from the web.

    Raises
    ------
    ValueError
        There is no control, a control has no option, there are more than 64 combinations, or a picture has no
        alternative text; or ``start`` is no combination.
    """
    if not controls or not all(len(options) for options in controls.values()):
        raise ValueError(f"controls are {dict(controls)!r}: give at least one, each with at least one option")
    combinations = list(itertools.product(*controls.values()))
    if len(combinations) > _MOST:
        raise ValueError(f"there are {len(combinations)} combinations: a page holds at most {_MOST} pictures")
    first = combinations[0] if start is None else tuple(start)
    if first not in combinations:
        raise ValueError(f"start is {first}: give one option of each of {', '.join(controls)}")
    figures = "".join(_figure(each, draw(*each)) for each in combinations)
    groups = "".join(_group(name, options, at) for (name, options), at in zip(controls.items(), first, strict=True))
    return HTML(
        f'<div class="dp-widget dp-picker" role="group" aria-label="{html.escape(label)}" {KEYS}>'
        f"{style(__package__, 'widget.css')}{style(__package__, 'picker.css')}"
        f'<div class="dp-live" hidden>{groups}</div>'
        f'<div class="dp-pictures" aria-live="polite">{figures}</div>'
        f"{script(__package__, 'picker.js')}</div>"
    )


def _figure(combination: tuple[str, ...], choice: Choice) -> str:
    if not choice.alt.strip():
        raise ValueError(f"no alternative text for {', '.join(combination)}: say what the picture shows")
    key = html.escape(json.dumps(combination, ensure_ascii=False))
    name = html.escape(", ".join(combination))
    return (
        f'<figure data-choice="{key}"><img src="{encode(choice.picture)}" alt="{html.escape(choice.alt)}">'
        f"<figcaption><b>{name}.</b> {html.escape(choice.caption)}</figcaption></figure>"
    )


def _group(name: str, options: Sequence[str], first: str) -> str:
    pills = "".join(
        f'<label class="dp-pill"><input type="radio" value="{html.escape(option)}"'
        f"{' checked' if option == first else ''}><span>{html.escape(option)}</span></label>"
        for option in options
    )
    return f"<fieldset><legend>{html.escape(name)}</legend>{pills}</fieldset>"
