"""Conversion from Hounsfield units to the linear attenuation coefficient, which a ray integrates."""

from __future__ import annotations

import torch
from torch import Tensor

MU_WATER = 0.0193
"""Linear attenuation coefficient of water at 70 keV, 1/mm (NIST XCOM: 0.1929 cm²/g). A beam of 80 to 120 kVp has about
this mean energy behind a patient."""


def linear_attenuation(hounsfield: Tensor, mu_water: float = MU_WATER) -> Tensor:
    r"""Convert Hounsfield units to the linear attenuation coefficient in 1/mm, by the definition of Hounsfield units.

    .. math:: \mu = \max\left(0,\ \mu_\mathrm{water}\,(1 + \mathrm{HU}/1000)\right)

    Outside their field of view scanners fill the volume with values under -1000 HU; these become 0.
    """
    return hounsfield.to(torch.float32).div(1000).add_(1).mul_(mu_water).clamp_(min=0)
