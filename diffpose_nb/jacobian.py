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

from collections.abc import Sequence

import torch
from torch import Tensor

from .camera import Camera
from .frames import as_float64, make_transform, transform_points
from .render import STEP, PackedVolume, integrate


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
    target = transform_points(pose, camera.detector_points())
    source = pose[:3, 3].expand_as(target)
    sums = integrate(volume, source[None], target[None], step / camera.sid, columns=camera.shape[1])
    image, whole, weighted = (values[0] for values in sums)
    rotation = torch.linalg.cross(source, whole) + torch.linalg.cross(target - source, weighted)
    jacobian = torch.cat([rotation, whole], 1).mT
    return image.reshape(camera.shape), jacobian.reshape(6, *camera.shape)


def camera_axes(world_from_camera: Tensor, centre: Sequence[float] | Tensor = (0.0, 0.0, 0.0)) -> Tensor:
    """``world_from_axes`` (4, 4): the camera's axes (x, y and depth), with their origin at a point of the world.

    Parameters
    ----------
    centre
        (3,) world mm, about which rotations shall turn; default the centre of the CT.
    """
    return make_transform(as_float64(world_from_camera)[:3, :3], as_float64(centre))


def adjoint(target_from_source: Tensor) -> Tensor:
    r"""The same motion in other axes: a twist of *source* to the twist of *target*, (6, 6).

    .. math::
        \mathrm{Ad}_T = \begin{bmatrix} R & 0\\ [\tau]_\times R & R \end{bmatrix},\qquad
        \exp(\mathrm{Ad}_T\,\xi) = T \exp(\xi)\, T^{-1}

    Parameters
    ----------
    target_from_source
        (4, 4), rigid: rotation R, translation :math:`\tau`.

    Source: Lynch and Park, Modern Robotics, Cambridge 2017, section 3.3, where twists begin with the rotation too.
    """
    transform = as_float64(target_from_source)
    rotation, translation = transform[:3, :3], transform[:3, 3]
    lever = torch.linalg.cross(translation.expand(3, 3), rotation.mT).mT  # the columns of R, each crossed
    return torch.cat([torch.cat([rotation, torch.zeros_like(rotation)], 1), torch.cat([lever, rotation], 1)])


def change_axes(jacobian: Tensor, world_from_axes: Tensor) -> Tensor:
    """Derivatives in a twist of other axes, (6, ...): rotation first, per radian and per mm.

    Parameters
    ----------
    jacobian
        (6, ...) of :func:`pose_jacobian`.
    world_from_axes
        (4, 4). Of :func:`camera_axes`: camera axes about a point. ``world_from_camera`` itself: camera axes about the
        source, which is the twist that multiplies the pose from the right.
    """
    return torch.tensordot(adjoint(world_from_axes), jacobian, dims=([0], [0]))


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
