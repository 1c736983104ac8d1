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
