"""Five ways to look at an X-ray and a DRR together, as one piece of HTML that needs nothing else.

The HTML contains the pictures and a script that mixes them. So the picture follows a slider at once, with or without a
kernel.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import torch
from IPython.display import HTML
from kornia.filters import canny
from torch import Tensor

from ..plots import BLUE, NOT_COMPARED, ORANGE, overlay
from ..runtime import script, style
from .page import KEYS, png

Mode = Literal["blend", "checkerboard", "edges", "flicker", "difference"]
MOST = 512
"""Largest number of pixels along the longer side of an image in the page. Larger images are averaged."""
_SMOOTH = 2.0  # pixels: the DRR is blurred by this before its edges are sought, so that the CT's noise makes none


def compare(
    xray: Tensor,
    rendering: Tensor | Mapping[str, Tensor],
    *,
    mode: Mode = "blend",
    label: str = "X-ray against DRR",
) -> HTML:
    """An X-ray and a DRR in one picture: blended, in tiles, with edges, in turns, or subtracted.

    The reader chooses one of five modes. Both images are shown by their local contrast, as in
    :func:`diffpose_nb.plots.overlay`, so that exposure, scatter and scale do not matter. The X-ray is blue, the DRR
    orange.

    ``"blend"``
        A slider goes from the X-ray over the overlay of both to the DRR.
    ``"checkerboard"``
        The two images alternate in tiles. Tiles of the X-ray are a little blue, tiles of the DRR a little orange. Where
        a line breaks at the edge of a tile, the images are misaligned.
    ``"edges"``
        The edges of the DRR are drawn over the X-ray. A slider adds weaker edges to the strongest ones.
    ``"flicker"``
        The two images alternate in the same place. What jumps is misaligned. There are never more than three changes
        in a second. For readers whose system asks for less motion, the flicker is paused at first.
    ``"difference"``
        The picture is white where the images agree, blue where the X-ray is brighter, orange where the DRR is brighter.

    Parameters
    ----------
    xray
        (rows, columns) line integrals of the X-ray. Pixels that are not to be compared, such as those behind the
        collimator, are NaN; they have the colour :data:`~diffpose_nb.plots.NOT_COMPARED`.
    rendering
        (rows, columns) line integrals of the DRR; or several DRRs as name → image, among which the reader chooses.
    mode
        The mode that is shown first.
    label
        A description of what is compared, for screen readers.

    Returns
    -------
    IPython.display.HTML
        About 0.3 MB for 320 × 320 pixels. It contains the pictures and loads nothing from the web. If scripts are
        switched off, the X-ray, the DRR and the DRR's edges are shown side by side.

    Raises
    ------
    ValueError
        If the images differ in shape, the X-ray has no finite pixel, a DRR has a pixel that is not finite, there is no
        DRR, or ``mode`` is none of the five.
    """
    if mode not in get_args(Mode):
        raise ValueError(f"mode is {mode!r}: it can be {', '.join(map(repr, get_args(Mode)))}")
    named = dict(rendering) if isinstance(rendering, Mapping) else {"DRR": rendering}
    if not named:
        raise ValueError("rendering is empty: there has to be at least one DRR to compare the X-ray with")
    xray, named = _image("xray", xray), {name: _image(f"rendering {name!r}", drr) for name, drr in named.items()}
    seen = torch.isfinite(xray)
    if not seen.any():
        raise ValueError("xray has no finite pixel: NaN marks what is not compared, and here that is everything")
    for name, drr in named.items():
        if drr.shape != xray.shape:
            raise ValueError(
                f"rendering {name!r} has {tuple(drr.shape)} pixels and xray {tuple(xray.shape)}: "
                "render it with the X-ray's own camera"
            )
        if not torch.isfinite(drr).all():
            raise ValueError(f"rendering {name!r} has NaN or infinite pixels: mark what is not compared in xray")
    xray, named = _small(xray), {name: _small(drr) for name, drr in named.items()}
    seen = torch.isfinite(xray).numpy()
    both = {name: overlay(drr, xray) for name, drr in named.items()}
    first = next(iter(both.values()))
    figures = [
        _figure("dp-xray", png(np.stack([first[..., 2], seen], -1)), "X-ray", "The X-ray, by its local contrast")
    ]
    for name, mixed in both.items():
        ridges = _edges(named[name], seen)
        figures.append(_figure("dp-drr", png(mixed[..., 0]), name, f"{name}: the DRR, by its local contrast"))
        figures.append(_figure("dp-edges", png(ridges), f"{name}, edges", f"{name}: the DRR's edges, white on black"))
    colors = {"blue": _rgb(BLUE), "orange": _rgb(ORANGE), "unseen": _rgb(NOT_COMPARED)}
    settings = {"mode": mode, "names": list(named), **colors}
    choices = "".join(_pill("mode", name) for name in get_args(Mode))
    drrs = "".join(_pill("drr", name) for name in named)
    return HTML(
        f'<div class="dp-widget dp-compare" role="group" aria-label="{html.escape(label)}" {KEYS} '
        f'data-settings="{html.escape(json.dumps(settings))}">'
        f"{style(__package__, 'widget.css')}{style(__package__, 'compare.css')}"
        f'<div class="dp-stills">{"".join(figures)}</div>'
        f'<div class="dp-live" hidden>'
        f"<fieldset><legend>show</legend>{choices}</fieldset>"
        f"<fieldset{' hidden' if len(named) == 1 else ''}><legend>DRR</legend>{drrs}</fieldset>"
        f'<canvas role="img" width="{xray.shape[1]}" height="{xray.shape[0]}"></canvas>'
        f'<div class="dp-bar"><label></label><output aria-hidden="true"></output><input type="range"></div>'
        f'<div class="dp-buttons"><button type="button" class="dp-play">pause</button> '
        f'<button type="button" class="dp-swap">swap</button></div>'
        f'<p class="dp-says" aria-live="polite"></p></div>'
        f"{script(__package__, 'compare.js')}</div>"
    )


def _image(name: str, values: Tensor) -> Tensor:
    image = torch.as_tensor(values).detach().double()
    if image.ndim != 2 or not image.numel():
        raise ValueError(f"{name} has shape {tuple(image.shape)}: it has to be one image, (rows, columns)")
    return image


def _small(image: Tensor) -> Tensor:
    """Average an image to at most :data:`MOST` pixels a side. A block that contains a NaN becomes NaN."""
    shrink = max(image.shape) / MOST
    if shrink <= 1:
        return image
    shape = tuple(max(round(side / shrink), 1) for side in image.shape)
    return torch.nn.functional.interpolate(image[None, None], shape, mode="area")[0, 0]


def _edges(drr: Tensor, seen: np.ndarray) -> np.ndarray:
    """The edges of a DRR (rows, columns), where its gradient is locally strongest.

    0 is no edge. The values of edges are ranks, from 1/255 for the faintest to 1 for the strongest.
    """
    contrast = torch.from_numpy(overlay(drr, drr)[..., 0])[None, None]
    width = 2 * round(3 * _SMOOTH) + 1
    ridges = canny(contrast, 1e-3, 1e-3, (width, width), (_SMOOTH, _SMOOTH), hysteresis=False)[0][0, 0].numpy() * seen
    ranks = np.zeros(ridges.shape)
    found = ridges > 1e-2  # without any gradient canny gives 1e-3, since it adds 1e-6 under the root
    ranks[found] = (1 + ridges[found].argsort().argsort()) / max(found.sum(), 1)
    return np.where(found, np.maximum(ranks, 1 / 255), 0)


def _figure(kind: str, url: str, title: str, alt: str) -> str:
    return (
        f'<figure><img class="{kind}" src="{url}" alt="{html.escape(alt)}">'
        f"<figcaption>{html.escape(title)}</figcaption></figure>"
    )


def _pill(group: str, name: str) -> str:
    text = html.escape(name)
    return f'<label class="dp-pill"><input type="radio" class="dp-{group}" value="{text}">{text}</label>'


def _rgb(color: str) -> list[int]:
    return [int(color[n : n + 2], 16) for n in (1, 3, 5)]
