"""The C-arm of a page without a kernel: an HTML element whose DRR is rendered by the reader's graphics card.

The element ``<dp-carm>`` needs WebGL2 and nothing else. The small CT that it renders is one file for all pages of the
book, made by ``python book/make_carm.py``. The line integrals are those of :class:`diffpose_nb.render.Renderer` through
the same CT: the same samples on the same rays, with trilinear interpolation. Where there is no WebGL2, or no such file,
the page shows the still that is inside the element.
"""

from __future__ import annotations

import html
import json
import zlib
from collections.abc import Mapping, Sequence

import torchio

from ..runtime import script, style

SCRIPTS = ("carm_geometry.js", "carm_render.js", "carm_picture.js", "carm_drawing.js", "carm_register.js", "carm.js")
PIXELS = 256
"""Pixels along a side of the DRR."""
_EXAMPLE = 2403347187
"""Checksum of some voxels of the CT in the book's file, see :func:`is_in_the_book`."""
_BY_HAND = (
    ("primary", "primary, ° (+ LAO)", 0, 40, 0.1),
    ("secondary", "secondary, ° (+ CRA)", -10, 30, 0.1),
    ("turn", "turn of the picture, °", -15, 15, 0.1),
    ("left", "isocentre to left, mm", -40, 40, 0.2),
    ("front", "isocentre to front, mm", -40, 40, 0.2),
    ("head", "isocentre to head, mm", -40, 40, 0.2),
)
"""Sliders of the registration by hand; the ranges are about the pose of the example X-ray's header."""

Slider = tuple[str, str, float, float, float]
"""Name, description, lowest value, highest value, step."""


def is_in_the_book(subject: torchio.Subject) -> bool:
    """Whether a CT is the one of the book's file, :func:`diffpose_nb.ct.example`, as it was read."""
    return "volume" in subject and checksum(subject) == _EXAMPLE


def checksum(subject: torchio.Subject) -> int:
    """CRC-32 of every eighth voxel of a CT along each axis, in Hounsfield units, and of its affine."""
    volume = subject["volume"]
    values = volume.data[0, ::8, ::8, ::8].short().contiguous().numpy()
    return zlib.crc32(values.tobytes() + volume.affine.round(3).astype("<f4").tobytes())


def carm(
    still: str,
    sliders: Sequence[Slider],
    start: Mapping[str, float],
    *,
    field: float,
    views: Mapping[str, Mapping[str, float]] | None = None,
    reach: float = 120.0,
) -> str:
    """A C-arm with sliders, and its DRR, as HTML.

    Parameters
    ----------
    still
        HTML that is shown in its place where there is no WebGL2.
    sliders
        The sliders, in their order. A quantity without a slider keeps its value in ``start``.
    start
        Name → value: primary, secondary (degrees), sid, sod (mm), and, if they are not 0, turn (degrees), left, front
        and head (mm).
    field
        Side of the detector, mm.
    views
        Text of a button → the values that it sets.
    reach
        Degrees by which the C-arm turns if the reader drags over the width of the picture.
    """
    settings = {
        "sliders": list(sliders),
        "start": dict(start),
        "views": views or {},
        "field": field,
        "pixels": PIXELS,
        "reach": reach,
    }
    return opening(settings) + still + closing()


def registration() -> tuple[str, str]:
    """A registration by hand, of the example X-ray, as HTML: what stands before the still, and what stands after it."""
    settings = {"sliders": _BY_HAND, "start": {}, "views": {}, "field": 0, "pixels": PIXELS, "reach": 30}
    return opening(settings | {"registration": True}), closing()


def opening(settings: Mapping[str, object]) -> str:
    """The element's beginning; its still follows, and then :func:`closing`."""
    told = html.escape(json.dumps(settings, ensure_ascii=False))
    return f'<dp-carm class="dp-widget dp-carm" data-settings="{told}"><div class="dp-still">'


def closing() -> str:
    """The end of the element, its style and its scripts. These come last, so that they find the element complete."""
    styles = style(__package__, "widget.css") + style(__package__, "carm.css")
    return f"</div></dp-carm>{styles}{''.join(script(__package__, name) for name in SCRIPTS)}"
