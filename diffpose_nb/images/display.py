"""What a vendor does to an X-ray before anybody sees it.

A detector counts; a screen shows. Between the two stands processing that no file describes: a logarithm, edges made
stronger, a curve that spends the greys where the patient is. :class:`Display` is the family that such processing
belongs to, not that of a certain vendor. :func:`undo_display` takes back what can be taken back without knowing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from scipy import ndimage

from .xray import XRay

_FLOOR = 1e-4
"""Of the brightest pixel: what is darker has its logarithm taken there. Zeros have none."""


@dataclass(frozen=True)
class Display:
    r"""Processing for display: ``Display()(signal, pixel_spacing)``.

    The logarithm :math:`L = -\log s` is split by Gaussian blurs :math:`G_1 \ldots G_n` of growing width into bands,
    from the finest detail to what is left at the coarsest scale, and each is multiplied by a gain of its own
    (multi-scale enhancement as in Vuylsteke and Schoeters, Proc. SPIE 2167:551, 1994, with constant gains):

    .. math:: E = g_0\,(L - G_1 L) + g_1\,(G_1 L - G_2 L) + \ldots + g_n\,G_n L

    A sigmoid (DICOM PS3.3 C.11.2.1.3.1) then leads it to the digital numbers of the file,

    .. math:: v = \frac{2^\mathrm{bits} - 1}{1 + e^{\,4 (E - c)/w}}

    with centre c and width w such that the middle half of the image fills the scale.

    Parameters
    ----------
    bits
        8, 10 or 12: of the values, from 0 to 2^bits - 1.
    scales
        Standard deviations of the blurs, mm at the detector, ascending.
    gains
        One more than ``scales``, from the finest band to the coarsest. All 1: no enhancement. Under 1 for the
        coarsest: differences between lung and abdomen are compressed, so that both fit on a screen.

    Raises
    ------
    ValueError
        Scales and gains do not fit together, or a number makes no sense.
    """

    bits: int = 12
    scales: Sequence[float] = (1.0, 4.0, 16.0)
    gains: Sequence[float] = (2.0, 1.6, 1.2, 0.7)

    def __post_init__(self) -> None:
        if self.bits not in range(8, 17):
            raise ValueError(f"bits is {self.bits!r}: display values have 8 to 16")
        if list(self.scales) != sorted(self.scales) or not all(0 < scale < np.inf for scale in self.scales):
            raise ValueError(f"scales are {self.scales}: they are positive, mm, and ascend")
        if len(self.gains) != len(self.scales) + 1 or not all(0 <= gain < np.inf for gain in self.gains):
            raise ValueError(f"gains are {self.gains}: one more than the {len(self.scales)} scales, each 0 or more")

    def __call__(self, signal: np.ndarray, pixel_spacing: tuple[float, float]) -> np.ndarray:
        """Display values, whole numbers as float64: larger where more beam arrived, so that bone is dark.

        Parameters
        ----------
        signal
            (rows, columns), proportional to the beam's intensity, in any unit.
        pixel_spacing
            (row, column), mm.
        """
        enhanced = self.enhance(-np.log(np.maximum(signal, _FLOOR * signal.max())), pixel_spacing)
        rows, columns = enhanced.shape
        middle = enhanced[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
        low, high = np.quantile(middle, (0.01, 0.99))
        centre, width = (low + high) / 2, max(high - low, 1e-6)
        return np.rint((2**self.bits - 1) / (1 + np.exp(4 * (enhanced - centre) / width)))

    def enhance(self, logarithm: np.ndarray, pixel_spacing: tuple[float, float]) -> np.ndarray:
        """The bands of (rows, columns), each multiplied by its gain and added up again."""
        blurred = [
            ndimage.gaussian_filter(logarithm, [scale / mm for mm in pixel_spacing], mode="nearest")
            for scale in self.scales
        ]
        levels = [np.asarray(logarithm, float), *blurred]
        bands = [*(fine - coarse for fine, coarse in pairwise(levels)), levels[-1]]
        return sum(gain * band for gain, band in zip(self.gains, bands, strict=True))


def undo_display(xray: XRay, bits: int | None = None) -> XRay:
    r"""A display image with its S-shaped curve taken back: a registration from it ends much nearer.

    Screens have few greys, so every curve for display is flat at both ends. With v from 0 to m the logit,

    .. math:: -\log\frac{m - v + \frac12}{v + \frac12},

    undoes a sigmoid of unknown centre and width up to scale and offset, and so the logarithm of the beam is there
    again. Curves of other makers are taken for sigmoids. Enhanced edges remain; they are in the DRR, too.

    Parameters
    ----------
    xray
        Of any sign; its ``relationship`` is "DISP".
    bits
        m is 2^bits - 1. None: the values run from the smallest to the largest pixel.

    Returns
    -------
    XRay
        The same, ``relationship="LOG"``, with a note of what was assumed.

    Raises
    ------
    ValueError
        If the X-ray is not DISP, or has values beyond the bits.
    """
    if xray.relationship != "DISP":
        raise ValueError(f"the X-ray's relationship is {xray.relationship}: there is no curve for display to undo")
    low, high = (xray.pixels.min().item(), xray.pixels.max().item()) if bits is None else (0.0, 2.0**bits - 1)
    if xray.pixels.min() < low or xray.pixels.max() > high:
        raise ValueError(f"pixels run to {xray.pixels.max():g}, and {bits} bits from 0 to {high:g}: pass more bits")
    pixels = xray.pixels.double()
    logarithm = torch.log((pixels - low + 0.5) / (high - pixels + 0.5))
    note = f"The curve for display was taken for a sigmoid from {low:g} to {high:g}, and undone."
    return replace(xray, pixels=logarithm.float(), relationship="LOG", notes=[*xray.notes, note])
