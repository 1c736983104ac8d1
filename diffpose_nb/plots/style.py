"""Colours and sizes that every drawing shares."""

from __future__ import annotations

BLUE, ORANGE = "#0072B2", "#E69F00"
"""Okabe and Ito's palette, made for every kind of colour vision."""
GREEN, GREY = "#009E73", "0.55"
"""Bluish green of Okabe and Ito's palette; the grey of what is only there for orientation."""
WIDTH = 8.6
"""Of a drawing, inches: as wide as the book's column at its ordinary size of letters."""
PURPLE = "#CC79A7"
"""Of Okabe and Ito's palette, as the others."""
