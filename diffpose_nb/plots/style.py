"""Colours, sizes and letters that every drawing shares."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.patheffects
import matplotlib.pyplot as plt
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..runtime.outputs import plain_outputs

BLUE, ORANGE = "#0072B2", "#E69F00"
"""Blue and orange of Okabe and Ito's palette, which was made for every kind of colour vision."""
GREEN, GREY = "#009E73", "0.55"
"""Bluish green of Okabe and Ito's palette, and a grey for lines that only give orientation."""
WIDTH = 7.2
"""Width of a drawing, inches. It is as wide as the book's column of text, so that letters have their ordinary size."""
PURPLE = "#CC79A7"
"""Reddish purple of Okabe and Ito's palette."""
NOT_COMPARED = "#D3DFEA"
"""Pale blue for pixels that are not compared, such as those behind the collimator. No image and no overlay has it."""
IN_A_ROW = 3
"""The largest number of panels in a row of a drawing; with more, their letters would be too small."""

LETTERS = {
    "figure.figsize": (6.0, 3.5),
    "figure.dpi": 100,
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 9,
    "figure.titlesize": 10.5,
}
"""Matplotlib's settings for drawings in a notebook. On a page an inch has 100 pixels, so 7 points are 9.7 pixels."""


def use_in_notebooks() -> None:
    """Give every drawing of a notebook these letters, and two dots for each pixel of the page; show values plainly.

    It changes nothing outside a Jupyter kernel. ``plots`` calls it when it is imported.
    """
    if getattr(get_ipython(), "kernel", None) is None:
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    plain_outputs()
    plt.rcParams.update(LETTERS)
    # the size of a picture is that of its figure, so that equal figures have equal letters
    set_matplotlib_formats("retina", bbox_inches=None)


def panels(
    number: int, *, across: int = IN_A_ROW, shape: float = 1.0, bare: bool = False, **kwargs: object
) -> tuple[Figure, list[Axes]]:
    """A figure of several panels, at most three in a row.

    Parameters
    ----------
    number
        Number of panels.
    across
        Number of panels in a row, at most :data:`IN_A_ROW`.
    shape
        Height of a panel's content, as a fraction of its width.
    bare
        Whether the panels are images without axes, so that each needs room for its title only.
    kwargs
        Passed to :func:`matplotlib.pyplot.subplots`, such as ``sharey``.

    Returns
    -------
    (Figure, list of Axes)
        The figure, as wide as the page, or narrower for one panel; and its panels in reading order.

    Raises
    ------
    ValueError
        If more than three panels in a row are asked for.
    """
    if not 1 <= across <= IN_A_ROW:
        raise ValueError(f"across is {across}: there can be 1 to {IN_A_ROW} panels in a row")
    columns = min(number, across)
    rows = -(-number // columns)
    width = {1: 4.2, 2: 6.6}.get(columns, WIDTH)
    beside, above = (0.1, 0.32) if bare else (0.35, 0.8)  # inches of a panel that its content does not fill
    height = rows * (shape * (width / columns - beside) + above)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height), layout="constrained", squeeze=False, **{"sharey": False} | kwargs
    )
    for ax in axes.flat if bare else axes.flat[number:]:
        ax.set_axis_off()
    for ax in axes.flat[number - columns : number]:  # the lowest of each column, which has the numbers for all of it
        ax.tick_params(labelbottom=True)
    return figure, list(axes.flat[:number])


def halo(color: str = "white", width: float = 2.5) -> Sequence[matplotlib.patheffects.AbstractPathEffect]:
    """A rim around letters, so that they stay legible over lines: ``ax.text(…, path_effects=halo())``."""
    return [matplotlib.patheffects.withStroke(linewidth=width, foreground=color)]


def fit(width: float, height: float) -> tuple[float, float]:
    """A size in inches, reduced in proportion to at most :data:`WIDTH`."""
    return (WIDTH, height * WIDTH / width) if width > WIDTH else (width, height)
