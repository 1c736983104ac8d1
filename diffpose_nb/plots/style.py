"""Colours and sizes that every drawing shares."""

from __future__ import annotations

BLUE, ORANGE = "#0072B2", "#E69F00"
"""Blue and orange of Okabe and Ito's palette, which was made for every kind of colour vision."""
GREEN, GREY = "#009E73", "0.55"
"""Bluish green of Okabe and Ito's palette, and a grey for lines that only give orientation."""
WIDTH = 8.6
"""Width of a drawing, inches. It is as wide as the book's column of text, so that letters have their ordinary size."""
PURPLE = "#CC79A7"
"""Reddish purple of Okabe and Ito's palette."""
