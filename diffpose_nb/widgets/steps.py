"""A sequence of pictures with a slider, as one piece of HTML that needs nothing else.

It works wherever the output of a cell is shown: in JupyterLab, in Colab, in the book, in a file on the disk, and
without a kernel. If scripts are switched off, all pictures are shown one below another.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
from IPython.display import HTML
from matplotlib.figure import Figure

from ..runtime import script, style
from .page import KEYS, to_bytes

Picture = Figure | np.ndarray | bytes
"""A figure, which is closed; an array (rows, columns) or (rows, columns, 3), 0 to 1; or the bytes of a PNG file."""


class Step(NamedTuple):
    """One position of the slider."""

    title: str
    """A few words about the step."""
    picture: Picture | tuple[Picture, ...]
    """A figure, which is closed; an array (rows, columns) or (rows, columns, 3), 0 to 1; or the bytes of a PNG file.
    Several pictures stand side by side, or one below another on a narrow page."""
    alt: str | tuple[str, ...]
    """A sentence that says what the picture shows, for readers who cannot see it; one for each picture."""
    caption: str = ""
    """One or two sentences below the picture."""


def stepper(steps: Sequence[Step], *, label: str = "step", scene: str | None = None) -> HTML:
    """Pictures with captions, shown one at a time. A slider, buttons and the arrow keys go from one to the next.

    Parameters
    ----------
    steps
        The steps in their order. Their pictures should all have the same size.
    label
        A word for what the slider chooses, for screen readers.
    scene
        A page of :func:`diffpose_nb.scenes.interactive` with the same number of steps. It is shown beside the pictures
        and follows the slider.

    Returns
    -------
    IPython.display.HTML
        It contains the pictures and loads nothing from the web.

    Raises
    ------
    ValueError
        If there are no steps, or a picture has no alternative text.
    """
    if not steps:
        raise ValueError("there are no steps: a stepper needs at least one")
    figures = "".join(_figure(n, step) for n, step in enumerate(steps, start=1))
    frame = ""
    if scene is not None:
        title = html.escape(f"3D scene of each {label}; drag to turn it")
        # In single quotes, of which a page of scripts has few: what has to be escaped is much less.
        quoted = scene.replace("&", "&amp;").replace("'", "&#39;")
        frame = f'<iframe title="{title}" loading="lazy" srcdoc=\'{quoted}\'></iframe>'
    kind = "dp-stepper dp-with-scene" if scene is not None else "dp-stepper"
    return HTML(
        f'<div class="{kind}" role="group" aria-label="{html.escape(label)}, one at a time" {KEYS}>'
        f"{style(__package__, 'stepper.css')}"
        f'<div class="dp-bar" hidden>'
        f'<button type="button" aria-label="previous {html.escape(label)}">&#9664;</button>'
        f'<input type="range" min="1" max="{len(steps)}" value="1" step="1" aria-label="{html.escape(label)}">'
        f'<button type="button" aria-label="next {html.escape(label)}">&#9654;</button>'
        f'<output aria-hidden="true"></output></div>'
        f'<div class="dp-row">{frame}<div class="dp-pictures" aria-live="polite">{figures}</div></div>'
        f"{script(__package__, 'stepper.js')}</div>"
    )


def _figure(number: int, step: Step) -> str:
    several = isinstance(step.picture, tuple)
    pictures, alts = (step.picture, step.alt) if several else ((step.picture,), (step.alt,))
    if isinstance(alts, str) or len(alts) != len(pictures) or not all(alt.strip() for alt in alts):
        wanted = "say what the picture shows" if len(pictures) == 1 else f"a tuple of {len(pictures)}, one each"
        raise ValueError(f"no alternative text for {step.title!r}: {wanted}")
    images = "".join(
        f'<img src="{encode(picture)}" alt="{html.escape(alt)}">' for picture, alt in zip(pictures, alts, strict=True)
    )
    images = f'<div class="dp-side">{images}</div>' if several else images
    caption = f"<b>{number}. {html.escape(step.title)}</b> {html.escape(step.caption)}"
    return f"<figure>{images}<figcaption>{caption}</figcaption></figure>"


def encode(picture: Picture) -> str:
    """The picture as a data URL.

    The bytes of a PNG file are kept as they are. Other pictures become WebP, a third of the size of PNG.
    """
    if isinstance(picture, bytes):
        return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    buffer = BytesIO()
    if isinstance(picture, Figure):
        picture.savefig(buffer, format="png", dpi=120)
        plt.close(picture)
        image = PIL.Image.open(buffer).convert("RGB")
    else:
        image = PIL.Image.fromarray(to_bytes(picture))
    packed = BytesIO()
    image.save(packed, "webp", quality=85, method=4)
    return f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}"
