"""What no pose explains: screws, rods, wires, clamps, cables, letters.

They are not in the CT, they attenuate more than their surroundings, and they are narrow. So they stand out of what is
left of the X-ray when the DRR has been fitted to it and everything smooth has been taken away.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ...images import smoother

_WIDTH = 12.0
"""mm in the patient: standard deviation of the blur that is taken away. Metal is narrower than this."""
_SEED, _GROW = 7.0, 3.0
"""Foreign things have a core this many robust standard deviations above the rest; they extend to where they fall under
the second number."""
_LEAST = 0.15
"""A core has at least this much attenuation (as a line integral) more than its surroundings: 0.3 mm of steel."""
_MOST = 0.35
"""If more of the image than this would be foreign, nothing is: the pose is then wrong instead."""


def unexplained(image: Tensor, target: Tensor, valid: Tensor, pixel: float) -> Tensor:
    """The pixels (rows, columns) bool that show something which the CT does not hold.

    Parameters
    ----------
    image, target, valid
        (rows, columns) the DRR at about the right pose, the X-ray's line integrals, and the pixels that are compared.
    pixel
        Width of a pixel in the patient, mm.
    """
    mask = valid.numpy()
    if mask.sum() < 100:
        return torch.zeros_like(valid)
    smooth = smoother(mask, _WIDTH / pixel)
    render, shown = (values - smooth(values) for values in (image.numpy(), target.numpy()))
    slope = _slope(render[mask], shown[mask])
    rest = np.where(mask, shown - slope * render, 0.0)
    noise = 1.4826 * np.median(np.abs(rest[mask] - np.median(rest[mask])))
    core = rest > max(_SEED * noise, _LEAST)
    if not core.any():
        return torch.zeros_like(valid)
    extent = ndimage.binary_propagation(core, mask=(rest > max(_GROW * noise, _LEAST / 3)) & mask)
    found = ndimage.binary_dilation(extent, iterations=2) & mask
    if found.sum() > _MOST * mask.sum():
        return torch.zeros_like(valid)
    return torch.from_numpy(found)


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """The factor from DRR to X-ray, by least squares whose outliers are left out in turn."""
    kept = np.ones(len(x), bool)
    slope = 0.0
    for _ in range(4):
        slope = float(x[kept] @ y[kept] / max(x[kept] @ x[kept], 1e-12))
        rest = np.abs(y - slope * x)
        kept = rest < max(3 * 1.4826 * np.median(rest), 1e-9)
    return max(slope, 0.0)
