"""Loss landscapes in which the reader moves a cursor, as one piece of HTML that needs nothing else."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import HTML
from torch import Tensor

from ..plots import similarity as landscape_plots
from ..runtime import script, style
from ..similarity.landscapes import LOSSES, NAMES, PAIRS, SPAN, TYPICAL, UNITS, load
from .page import KEYS, packed, to_bytes
from .steps import encode

_STEPS = (0.5, 0.5, 0.5, 1.0, 1.0, 1.0)
"""Steps of the sliders: degrees for the three rotations, mm for the three translations."""


def landscape_explorer(
    maps: Mapping[str, Tensor] | None = None,
    *,
    loss: str | None = None,
    pair: tuple[int, int] = (3, 5),
    label: str = "loss landscape",
) -> HTML:
    """Loss landscapes around the true pose, in which the reader chooses a loss and two parameters and moves a cursor.

    The map is scaled to the range from 0 (dark) to 1 and has level lines. Beside it and below it are the curves of the
    loss along the two lines through the cursor. Sliders, the mouse, a finger or the arrow keys move the cursor, and the
    loss at the cursor is written out.

    Parameters
    ----------
    maps
        Name of a loss → its values (15, M, M) over the pairs of :data:`diffpose_nb.similarity.landscapes.PAIRS` at the
        offsets of :func:`diffpose_nb.similarity.landscapes.grid`, one row for each value of the first parameter. By
        default the landscapes of the package, see :func:`diffpose_nb.similarity.landscapes.load`.
    loss, pair
        What is shown first: the name of a loss, by default the first one, and the numbers of two parameters.
    label
        A description, for screen readers.

    Returns
    -------
    IPython.display.HTML
        About 0.3 MB for six losses. Each map is stored in 65535 steps from its lowest to its highest value, and is
        interpolated linearly. If scripts are switched off, a picture shows the landscapes of all losses over ``pair``.

    Raises
    ------
    ValueError
        If there are no maps; if one does not consist of 15 square grids with an odd number of offsets, or is not finite
        everywhere; or if there is no such ``loss`` or ``pair``.
    """
    maps = dict(zip(LOSSES, load().maps, strict=True)) if maps is None else dict(maps)
    loss = next(iter(maps), None) if loss is None else loss
    stacked = _stacked(maps, loss, pair)
    low, high = stacked.amin((2, 3), keepdim=True), stacked.amax((2, 3), keepdim=True)
    levels = (stacked - low) / (high - low).clamp_min(1e-12)
    settings = {
        "names": list(maps),
        "loss": list(maps).index(loss),
        "pairs": PAIRS,
        "pair": PAIRS.index(tuple(pair)),
        "steps": stacked.shape[-1],
        "low": [[float(f"{v:.6g}") for v in row] for row in low[..., 0, 0].tolist()],
        "high": [[float(f"{v:.6g}") for v in row] for row in high[..., 0, 0].tolist()],
        "parameters": NAMES,
        "units": UNITS,
        "span": SPAN,
        "typical": TYPICAL,
        "stride": _STEPS,
        "levels": packed((65535 * levels.numpy()).round().astype("<u2")),
        "colors": packed(to_bytes(plt.get_cmap("cividis")(np.arange(256))[:, :3])),
    }
    return HTML(
        f'<div class="dp-widget dp-explorer" role="group" aria-label="{html.escape(label)}" {KEYS} '
        f'data-settings="{html.escape(json.dumps(settings))}">'
        f"{style(__package__, 'widget.css')}{style(__package__, 'explorer.css')}"
        f"{_still(maps, pair)}"
        f'<div class="dp-live" hidden>'
        f'<fieldset class="dp-losses"><legend>loss</legend>{"".join(map(_choice, maps))}</fieldset>'
        f'<p><label>parameters <select class="dp-pair">{"".join(map(_option, PAIRS))}</select></label></p>'
        f'<div class="dp-columns">'
        f'<svg class="dp-focus" viewBox="0 0 428 430" tabindex="0" role="application"></svg>'
        f'<div class="dp-controls">{2 * _BAR}'
        f'<p class="dp-here" role="status"></p>'
        f'<p><button type="button" class="dp-truth">to the truth</button> '
        f'<button type="button" class="dp-lowest">to the lowest</button></p>'
        f'<p class="dp-key">{_KEY}</p></div></div></div>'
        f"{script(__package__, 'explorer.js')}</div>"
    )


_BAR = '<div class="dp-bar"><label></label><output aria-hidden="true"></output><input type="range"></div>'
_KEY = (
    "On the map: + the truth, △ the lowest point, ○ where you are, dashed where a header's pose typically lies. Beside "
    "and below it: the loss along the lines through the ring."
)


def _stacked(maps: Mapping[str, Tensor], loss: str | None, pair: tuple[int, int]) -> Tensor:
    """All maps as one tensor (losses, 15, M, M); raises ValueError as :func:`landscape_explorer` says."""
    if not maps:
        raise ValueError("maps is empty: there has to be at least one landscape")
    if loss not in maps:
        raise ValueError(f"loss is {loss!r}: it can be {', '.join(map(repr, maps))}")
    if tuple(pair) not in PAIRS:
        raise ValueError(f"pair is {pair}: two numbers from 0 to 5, the smaller one first, see landscapes.NAMES")
    shape = tuple(next(iter(maps.values())).shape)
    for name, values in maps.items():
        found = tuple(values.shape)
        if found != shape or len(shape) != 3 or shape[0] != len(PAIRS) or shape[1] != shape[2] or not shape[1] % 2:
            raise ValueError(
                f"maps[{name!r}] has shape {found}: it has to be ({len(PAIRS)}, M, M), M odd and the same for all, so "
                "that the truth is among the offsets"
            )
        if not torch.isfinite(values).all():
            raise ValueError(f"maps[{name!r}] has NaN or infinite values: a landscape is finite everywhere")
    return torch.stack([values.double() for values in maps.values()])


def _still(maps: Mapping[str, Tensor], pair: tuple[int, int]) -> str:
    number = PAIRS.index(tuple(pair))
    figure = landscape_plots.landscapes({name: values[number] for name, values in maps.items()}, pair)
    first, second = (NAMES[n] for n in pair)
    alt = f"Landscapes over {first} and {second} of {', '.join(maps)}: dark is low, the cross is the truth"
    return f'<figure class="dp-stills"><img src="{encode(figure)}" alt="{html.escape(alt)}"></figure>'


def _choice(name: str) -> str:
    text = html.escape(name)
    return (
        f'<label class="dp-pill"><input type="radio" value="{text}">'
        f'<canvas width="1" height="1" aria-hidden="true"></canvas><span>{text}</span></label>'
    )


def _option(pair: tuple[int, int]) -> str:
    return f"<option>{NAMES[pair[0]]} and {NAMES[pair[1]]}</option>"
