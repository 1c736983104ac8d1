"""Line integrals through a packed volume, with their derivatives, for Gauss-Newton and for autograd."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .volumes.volume import PackedVolume


def integrate(
    volume: PackedVolume,
    source: Tensor,
    target: Tensor,
    step_fraction: float,
    with_gradient: bool = True,
    columns: int = 1,
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Line integrals along rays, and their derivatives when the ends of the rays move.

    .. math:: I = L \Delta a \sum_k v(s + a_k w), \quad w = q - s,\ L = \lVert w \rVert,\ a_k = (k + o) \Delta a

    .. math:: G = L \Delta a \sum_k \nabla v,\qquad K = L \Delta a \sum_k a_k \nabla v

    G is the derivative when the whole ray is shifted. K is the derivative when the shift grows along the ray, from zero
    at the source to its full size at the detector.

    The components along the ray are known exactly. A ray that is shifted along itself passes the same voxels, so
    :math:`G\cdot w = 0`, and integration by parts gives :math:`K\cdot w = -I`. The sums miss these values because the
    steps are finite; with steps of one voxel this error is as large as the whole derivative in depth. Therefore these
    components are set to their exact values, unless an end of the ray is in the volume.

    Parameters
    ----------
    volume
        The volume v, from :meth:`Volume.pack`.
    source, target
        (B, N, 3) float64 world mm: the ends :math:`s` and :math:`q` of the N rays of each of B images.
    step_fraction
        :math:`\Delta a`, the distance between samples as a fraction of a ray's length. The offsets :math:`o` are those
        of :func:`diffpose_nb.render.kernel.march`.
    with_gradient
        False leaves G and K at zero, which takes less time.
    columns
        Width of the image, if the rays are all of its pixels, row by row. It decides only in which order the rays are
        visited; in a good order the march is twice as fast.

    Returns
    -------
    (Tensor, Tensor, Tensor)
        :math:`I` (B, N), and G and K (B, N, 3) in world axes. Then :math:`\partial I/\partial q = K + I w/L^2` and
        :math:`\partial I/\partial s = G - K - I w/L^2`.
    """
    from .kernel import march

    ends = source.numpy(), target.numpy()
    matrix = np.linalg.inv(volume.world_from_voxel)
    sums = torch.from_numpy(march(volume.values, volume.unit, matrix, *ends, step_fraction, with_gradient, columns))
    return sums[..., 0], sums[..., 1:4], sums[..., 4:7]


def line_integrals(
    volume: PackedVolume, source: Tensor, target: Tensor, step_fraction: float, columns: int = 1
) -> Tensor:
    """The line integrals (B, N) of :func:`integrate`, for autograd.

    They are differentiable with respect to both ends of the rays; the derivatives are made from G and K.
    """
    return _LineIntegrals.apply(source, target, volume, step_fraction, columns)


class _LineIntegrals(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx, source: Tensor, target: Tensor, volume: PackedVolume, step_fraction: float, columns: int
    ) -> Tensor:
        needs_gradient = any(ctx.needs_input_grad[:2])
        ends = source.detach(), target.detach()
        image, whole, weighted = integrate(volume, *ends, step_fraction, needs_gradient, columns)
        if needs_gradient:
            ray = ends[1] - ends[0]
            by_target = weighted + image[..., None] * ray / ray.square().sum(-1, keepdim=True)
            ctx.save_for_backward(whole - by_target, by_target)
        return image

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        by_source, by_target = ctx.saved_tensors
        return grad[..., None] * by_source, grad[..., None] * by_target, None, None, None
