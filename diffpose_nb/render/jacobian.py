r"""How every pixel changes with the pose, and how well the pixels therefore determine it.

A pose is moved by a twist from the left, :math:`P \leftarrow \exp(\xi)\,P` with :math:`\xi = (\omega, t)`: rotation
first, radians and millimetres, in world axes about the world's origin. To first order a sample at p moves by
:math:`t + \omega \times p`, so that a ray with samples :math:`p_k = s + a_k w` through a volume v has

.. math::
    \frac{\partial I}{\partial t} = \sum_k \nabla v(p_k) = G,\qquad
    \frac{\partial I}{\partial \omega} = \sum_k p_k \times \nabla v(p_k) = s \times G + w \times K,

with the sums of :func:`diffpose_nb.render.integrate`: the pull and the torque of the volume's gradient on the ray.

A ray that moves along itself sees the same voxels: in camera axes about the source, a pixel whose ray goes through
(x, y, SID) has :math:`x\,J_x + y\,J_y + \mathrm{SID}\,J_z = 0`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..camera import Camera, as_float64
from .integrals import integrate
from .renderer import STEP
from .volume import PackedVolume


def pose_jacobian(
    volume: PackedVolume, camera: Camera, world_from_camera: Tensor, step: float = STEP
) -> tuple[Tensor, Tensor]:
    """A DRR and its six derivatives, in one pass.

    Parameters
    ----------
    volume
        Of :meth:`diffpose_nb.render.Volume.pack`. Smooth it to about a pixel's footprint first: the derivatives of a
        raw CT are mostly its noise.
    world_from_camera
        (4, 4).
    step
        Between samples along a ray that meets the detector at a right angle, mm.

    Returns
    -------
    (Tensor, Tensor)
        The line integrals (rows, columns), and their derivatives (6, rows, columns) in the twist that multiplies the
        pose from the left: three of rotation, per radian, then three of translation, per mm; world axes, about the
        world's origin. For other axes see :func:`change_axes`. float64.
    """
    pose = as_float64(world_from_camera)
    source, target = camera.rays(pose)
    sums = integrate(volume, source[None], target[None], step / camera.sid, columns=camera.shape[1])
    image, whole, weighted = (values[0] for values in sums)
    rotation = torch.linalg.cross(source, whole) + torch.linalg.cross(target - source, weighted)
    jacobian = torch.cat([rotation, whole], 1).mT
    return image.reshape(camera.shape), jacobian.reshape(6, *camera.shape)
