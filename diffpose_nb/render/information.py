"""How well an image determines the pose: Fisher information and the Cramér-Rao bound."""

from __future__ import annotations

import torch
from torch import Tensor

from ..camera import as_float64


def fisher_information(jacobian: Tensor, deviation: Tensor | float, nuisance: Tensor | None = None) -> Tensor:
    r"""The Fisher information about the pose in an image with Gaussian noise, (6, 6).

    .. math:: F = J^\top W J - J^\top W N (N^\top W N)^{-1} N^\top W J,\qquad W = \mathrm{diag}(1/\sigma^2)

    J are the derivatives of the pixels with respect to the pose; N are those with respect to other unknowns that are
    fitted together with the pose. The second term is the information that is lost because of these other unknowns.
    The information of independent images may be added, if it is in the same axes.

    Parameters
    ----------
    jacobian
        J, (6, rows, columns), for instance from :func:`diffpose_nb.render.pose_jacobian`.
    deviation
        :math:`\sigma`, standard deviation of the noise: a number, or (rows, columns). It is infinite where a pixel is
        not used.
    nuisance
        N, (M, rows, columns): derivatives with respect to M other unknowns. For contrast and brightness they are the
        image itself and an image of ones.
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
    r"""The smallest standard deviations (6,) of any unbiased estimate of the pose, and its errors' correlations (6, 6).

    .. math:: \mathrm{cov}(\hat\xi) \ge F^{-1}

    The units are those of the twist: radians and mm.

    Source: Kay, Fundamentals of Statistical Signal Processing: Estimation Theory, Prentice Hall 1993, chapter 3.

    Raises
    ------
    ValueError
        There is a motion that leaves the images as they are. No number of photons would determine the pose.
    """
    scale = torch.diagonal(information).sqrt()  # needed because radians and mm differ by orders of magnitude
    scaled = information / (scale[:, None] * scale)
    if not torch.isfinite(scaled).all() or torch.linalg.eigvalsh(scaled)[0] < 1e-12:
        raise ValueError("the information is singular: there is a motion that changes no pixel")
    covariance = torch.linalg.inv(scaled)
    deviations = torch.diagonal(covariance).sqrt()
    return deviations / scale, covariance / (deviations[:, None] * deviations)
