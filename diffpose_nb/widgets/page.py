"""What the self-contained widgets share: ways to put pictures and numbers into a page.

A widget is one piece of HTML that contains its style, its script and its pictures. Its text has the colours of the page
around it, so that it is legible on light and on dark pages. Pictures have a background of their own.
"""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import PIL.Image


def png(values: np.ndarray) -> str:
    """A picture as a data URL of a PNG file, which has no loss.

    Parameters
    ----------
    values
        (rows, columns) grey values, or (rows, columns, 2) grey values and opacity, from 0 to 1.
    """
    buffer = BytesIO()
    PIL.Image.fromarray(to_bytes(values)).save(buffer, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Convert values from 0 to 1 into whole numbers from 0 to 255, as uint8."""
    return (255 * np.clip(np.asarray(values, float), 0, 1)).round().astype(np.uint8)


def packed(values: np.ndarray) -> str:
    """The bytes of an array, row by row, as base64 text. The script that reads it has to know the type and shape."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


KEYS = 'data-lm-suppress-shortcuts="true"'
"""HTML attribute that makes JupyterLab leave the arrow keys to the controls inside the element. Without it they would
go to the next cell."""
