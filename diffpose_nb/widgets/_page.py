"""What the self-contained widgets share: pictures as data, and one look.

A widget is one piece of HTML with its style, its script and its pictures in it. Colours are the page's own, so that
light and dark need no care; what is drawn on a canvas or a picture brings its own background.
"""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import PIL.Image


def png(values: np.ndarray) -> str:
    """A picture as the URL of a PNG, without loss.

    Parameters
    ----------
    values
        (rows, columns) grey or (rows, columns, 2) grey and opacity, 0 to 1.
    """
    buffer = BytesIO()
    PIL.Image.fromarray(to_bytes(values)).save(buffer, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def to_bytes(values: np.ndarray) -> np.ndarray:
    """0 to 1 in 255 steps, as uint8."""
    return (255 * np.clip(np.asarray(values, float), 0, 1)).round().astype(np.uint8)


def packed(values: np.ndarray) -> str:
    """Bytes of an array, row by row, as base64; the script that reads them knows type and shape."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


KEYS = 'data-lm-suppress-shortcuts="true"'
"""An attribute by which Lab leaves arrow keys to the controls inside, rather than go to the next cell."""

# An option list is the browser's own window: with the page's letters alone it would be white on white in the dark.
STYLE = """<style>
.dp-widget { max-width: 900px; margin: 0.5em 0; line-height: 1.4; }
.dp-widget [hidden] { display: none !important; }
.dp-widget fieldset { border: 0; margin: 0 0 0.5em; padding: 0; min-width: 0; display: flex; flex-wrap: wrap;
  gap: 0.35em; align-items: center; }
.dp-widget legend { float: left; padding: 0; margin: 0 0.6em 0 0; font-size: inherit; width: auto; }
.dp-widget :is(button, select), .dp-widget .dp-pill { font: inherit; color: inherit; background: transparent;
  border: 1px solid currentColor; border-radius: 4px; min-height: 2.2em; padding: 0 0.6em; margin: 0; cursor: pointer; }
.dp-widget option { color: black; background: white; }
.dp-widget .dp-pill { display: inline-flex; align-items: center; gap: 0.4em; }
.dp-widget .dp-pill:has(:checked) { box-shadow: inset 0 0 0 2px #0072B2; font-weight: 600; }
.dp-widget .dp-pill:has(:focus-visible), .dp-widget :is(button, select, .dp-focus, .dp-bar input):focus-visible {
  outline: 3px solid #E69F00; outline-offset: 2px; }
.dp-widget input { accent-color: #0072B2; margin: 0; }
.dp-widget .dp-bar { display: grid; grid-template-columns: 1fr auto; gap: 0.1em 0.6em; margin: 0.5em 0; }
.dp-widget .dp-bar label { margin: 0; }
.dp-widget .dp-bar input { grid-column: 1 / -1; width: 100%; min-width: 0; min-height: 1.6em; }
.dp-widget p { margin: 0.4em 0; text-align: left; color: inherit; }
.dp-widget figure { margin: 0 0 1em; }
.dp-widget figure img { display: block; width: 100%; height: auto; margin: 0; background: black; border-radius: 4px; }
</style>"""
