"""Hounsfield units to what a ray integrates."""

from __future__ import annotations

import torch
from torch import Tensor

MU_WATER = 0.0193
"""Linear attenuation coefficient of water at 70 keV, about the mean energy of an 80 to 120 kVp beam behind a
patient, 1/mm (NIST XCOM: 0.1929 cm²/g)."""


def linear_attenuation(hounsfield: Tensor, mu_water: float = MU_WATER) -> Tensor:
    r"""Hounsfield units to the linear attenuation coefficient in 1/mm, by the units' definition.

    .. math:: \mu = \max\left(0,\ \mu_\mathrm{water}\,(1 + \mathrm{HU}/1000)\right)

    Scanners pad with values under -1000 HU outside their field of view; those become 0.
    """
    return hounsfield.to(torch.float32).div(1000).add_(1).mul_(mu_water).clamp_(min=0)
