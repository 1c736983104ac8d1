r"""How every pixel of a DRR changes when the pose changes.

A pose is moved by a twist that multiplies it from the left, :math:`P \leftarrow \exp(\xi)\,P` with
:math:`\xi = (\omega, t)`. The rotation comes first; the units are radians and millimetres, the axes are those of the
world, and the rotation is about the world's origin. To first order a sample at p moves by :math:`t + \omega \times p`.
Therefore the line integral I along a ray with samples :math:`p_k = s + a_k w` through a volume v has the derivatives

.. math::
    \frac{\partial I}{\partial t} = \sum_k \nabla v(p_k) = G,\qquad
    \frac{\partial I}{\partial \omega} = \sum_k p_k \times \nabla v(p_k) = s \times G + w \times K,

where G and K are the sums of :func:`diffpose_nb.render.integrate`, and their factor :math:`L\,\Delta a` is left out.

A ray that moves along itself passes the same voxels. So in camera axes about the source, the translational derivatives
of a pixel whose ray goes through (x, y, SID) fulfil :math:`x\,J_x + y\,J_y + \mathrm{SID}\,J_z = 0`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..camera import Camera
from .integrals import integrate
from .renderer import STEP
from .volumes.volume import PackedVolume


def pose_jacobian(
    volume: PackedVolume, camera: Camera, world_from_camera: Tensor, step: float = STEP
) -> tuple[Tensor, Tensor]:
    """A DRR and its six derivatives with respect to the pose, computed in one pass.

    Parameters
    ----------
    volume
        The volume, from :meth:`diffpose_nb.render.Volume.pack`. Smooth it first, to about the size of a pixel in the
        patient: the derivatives of a raw CT are mostly noise.
    camera
        The camera; its shape is the shape of the DRR.
    world_from_camera
        (4, 4) the pose.
    step
        Distance between samples along a ray that meets the detector at a right angle, mm.

    Returns
    -------
    (Tensor, Tensor)
        The line integrals (rows, columns), and their derivatives (6, rows, columns) with respect to the twist that
        multiplies the pose from the left; both float64. Three derivatives of rotation, per radian, come first, then
        three of translation, per mm. They are in world axes, about the world's origin; for other axes see
        :func:`diffpose_nb.camera.change_axes`.
    """
    rays = camera.rays(world_from_camera)
    image, jacobian = ray_jacobian(volume, *rays, step / camera.sid, columns=camera.shape[1])
    return image.reshape(camera.shape), jacobian.reshape(6, *camera.shape)


def ray_jacobian(
    volume: PackedVolume, source: Tensor, target: Tensor, step: float, *, columns: int = 1, staggered: bool = True
) -> tuple[Tensor, Tensor]:
    """:func:`pose_jacobian` of some rays.

    Parameters
    ----------
    source, target
        (N, 3) where each ray begins and ends, world mm, see :meth:`diffpose_nb.camera.Camera.rays`.
    step, columns
        As for :func:`diffpose_nb.render.integrate`.
    staggered
        Offset the samples of neighbouring rays against each other, so that the errors of a finite step average out.

    Returns
    -------
    (Tensor, Tensor)
        The line integrals (N,) and their derivatives (6, N), float64.
    """
    ends = (source[None], target[None]) if staggered else (source[:, None], target[:, None])
    sums = integrate(volume, *ends, step, columns=columns)
    line, whole, weighted = (values.reshape(len(source), -1) for values in sums)
    rotation = torch.linalg.cross(source, whole) + torch.linalg.cross(target - source, weighted)
    return line[:, 0], torch.cat([rotation, whole], 1).mT
