"""How well an image determines the pose: Fisher information and the Cramér-Rao bound."""

from __future__ import annotations

import torch
from torch import Tensor

from ..camera import as_float64


def fisher_information(jacobian: Tensor, deviation: Tensor | float, nuisance: Tensor | None = None) -> Tensor:
    r"""What an image with Gaussian noise says about the pose, (6, 6).

    .. math:: F = J^\top W J - J^\top W N (N^\top W N)^{-1} N^\top W J,\qquad W = \mathrm{diag}(1/\sigma^2)

    Information of independent images adds, as long as it is in the same axes. The second term is what is lost to
    unknowns other than the pose that are fitted along with it.

    Parameters
    ----------
    jacobian
        (6, rows, columns).
    deviation
        Standard deviation of the noise: a number, or (rows, columns), infinite where a pixel is not used.
    nuisance
        (M, rows, columns) derivatives in M other unknowns, such as the image itself and ones for contrast and
        brightness.
    """
    pixels = jacobian[0].numel()
    weight = as_float64(deviation).square().reciprocal().expand(jacobian.shape[1:]).reshape(pixels)
    columns = jacobian if nuisance is None else torch.cat([jacobian, nuisance.to(jacobian)])
    columns = columns.reshape(-1, pixels)
    information = (columns * weight) @ columns.mT
    if nuisance is None:
        return information
    pose, cross, other = information[:6, :6], information[:6, 6:], information[6:, 6:]
    return pose - cross @ torch.linalg.solve(other, cross.mT)


def cramer_rao(information: Tensor) -> tuple[Tensor, Tensor]:
    r"""The least standard deviation an unbiased estimate can have, (6,), and the correlations of its errors, (6, 6).

    .. math:: \mathrm{cov}(\hat\xi) \ge F^{-1}

    Units as in the twist: radians and mm. Source: Kay, Fundamentals of Statistical Signal Processing: Estimation
    Theory, Prentice Hall 1993, chapter 3.

    Raises
    ------
    ValueError
        If some motion leaves the images as they are, so that no number of photons would determine it.
    """
    scale = torch.diagonal(information).sqrt()  # radians and mm differ by orders of magnitude
    scaled = information / (scale[:, None] * scale)
    if not torch.isfinite(scaled).all() or torch.linalg.eigvalsh(scaled)[0] < 1e-12:
        raise ValueError("the information is singular: there is a motion that changes no pixel")
    covariance = torch.linalg.inv(scaled)
    deviations = torch.diagonal(covariance).sqrt()
    return deviations / scale, covariance / (deviations[:, None] * deviations)
