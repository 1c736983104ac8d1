"""The processing that a vendor applies to an X-ray before it is shown on a screen.

Between the detector's counts and the screen there is processing that no file describes: a logarithm, stronger edges,
and a curve that uses most of the grey values for the patient. :class:`Display` is a general model of such processing,
not that of a certain vendor. :func:`undo_display` undoes the part that can be undone without knowing the processing.
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
"""Fraction of the brightest pixel. Darker pixels are raised to this value, because 0 has no logarithm."""


@dataclass(frozen=True)
class Display:
    r"""Processing for display, called as ``Display()(signal, pixel_spacing)``.

    Let s be the signal and :math:`L = -\log s`. Gaussian blurs :math:`G_1 \ldots G_n` of growing width split L into
    bands, from the finest detail to what is left at the coarsest scale. Each band is multiplied by its own gain
    (multi-scale enhancement as in Vuylsteke and Schoeters, Proc. SPIE 2167:551, 1994, with constant gains):

    .. math:: E = g_0\,(L - G_1 L) + g_1\,(G_1 L - G_2 L) + \ldots + g_n\,G_n L

    A sigmoid (DICOM PS3.3 C.11.2.1.3.1) then converts E to the values v that are stored in a file,

    .. math:: v = \frac{2^\mathrm{bits} - 1}{1 + e^{\,4 (E - c)/w}}

    The centre c and the width w are chosen such that the middle half of the image fills the scale.

    Parameters
    ----------
    bits
        Number of bits of the values, from 8 to 16; 8, 10 or 12 are usual. The values run from 0 to 2^bits - 1.
    scales
        Standard deviations of the blurs in mm at the detector, in ascending order.
    gains
        Gains of the bands, from the finest to the coarsest; there is one more than ``scales``. If all are 1, nothing is
        enhanced. A gain below 1 for the coarsest band compresses differences between lung and abdomen, so that both fit
        on a screen.

    Raises
    ------
    ValueError
        The numbers of scales and gains do not fit together, or a value is out of range.
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
        """Compute display values: whole numbers in float64, larger where more beam arrived, so that bone is dark.

        Parameters
        ----------
        signal
            (rows, columns) image that is proportional to the beam's intensity, in any unit.
        pixel_spacing
            (row, column) spacing at the detector, mm.
        """
        enhanced = self.enhance(-np.log(np.maximum(signal, _FLOOR * signal.max())), pixel_spacing)
        rows, columns = enhanced.shape
        middle = enhanced[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
        low, high = np.quantile(middle, (0.01, 0.99))
        centre, width = (low + high) / 2, max(high - low, 1e-6)
        return np.rint((2**self.bits - 1) / (1 + np.exp(4 * (enhanced - centre) / width)))

    def enhance(self, logarithm: np.ndarray, pixel_spacing: tuple[float, float]) -> np.ndarray:
        """Split a logarithm (rows, columns) into bands, multiply each by its gain, and add them up again."""
        blurred = [
            ndimage.gaussian_filter(logarithm, [scale / mm for mm in pixel_spacing], mode="nearest")
            for scale in self.scales
        ]
        levels = [np.asarray(logarithm, float), *blurred]
        bands = [*(fine - coarse for fine, coarse in pairwise(levels)), levels[-1]]
        return sum(gain * band for gain, band in zip(self.gains, bands, strict=True))


def undo_display(xray: XRay, bits: int | None = None) -> XRay:
    r"""Undo the S-shaped curve of a display image. A registration of the result ends much nearer to the true pose.

    A screen has few grey values, so every curve for display is flat at both ends. For values v from 0 to m, the logit

    .. math:: -\log\frac{m - v + \frac12}{v + \frac12}

    undoes a sigmoid of unknown centre and width, up to scale and offset. The result is the logarithm of the beam again.
    The curve is assumed to be a sigmoid, whatever the vendor. Enhanced edges stay enhanced; the DRR has these edges,
    too.

    Parameters
    ----------
    xray
        X-ray whose ``relationship`` is "DISP". Its ``sign`` may be +1 or -1.
    bits
        Number of bits of the values; m is 2^bits - 1. None: the values are assumed to run from the smallest to the
        largest pixel.

    Returns
    -------
    XRay
        The same X-ray with ``relationship="LOG"`` and with a note that says what was assumed.

    Raises
    ------
    ValueError
        The X-ray's ``relationship`` is not "DISP", or a pixel is outside the range that ``bits`` gives.
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
