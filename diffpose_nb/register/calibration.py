r"""What a pixel says about the detector: its distance from the source, and where the beam's axis meets it.

Let the source stay and the detector move: a pixel is then at another point q of the detector, and its ray
:math:`w = q - s` turns about the source. That is a rotation of the whole C-arm about its source, as far as this pixel
can tell, so its derivative is already among the six of the pose. With :math:`M = J_\omega - s \times J_t`, the torque
about the source,

.. math:: \frac{\partial I}{\partial q} = \frac{M \times w}{\lVert w \rVert^2}.

Hence the weakness of every calibration from one image: a shift of the principal point is nearly a turn about the
source, a longer SID nearly a patient who is further from the source (Hartley and Zisserman, chapter 6).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..camera import Camera, as_float64, transform_points

DEVIATIONS = (10.0, 3.0, 3.0)
"""mm at the detector: how far SID and principal point of a C-arm are expected to be off, as standard deviations.
C-arms bend under their weight by some millimetres from view to view."""


def adjusted(camera: Camera, correction: Tensor) -> Camera:
    """A camera whose detector has been moved.

    Parameters
    ----------
    correction
        (3,) mm at the detector: added to the SID, and to the principal point along columns and along rows.
    """
    sid, along_columns, along_rows = as_float64(correction).tolist()
    column, row = camera.principal_point
    row_spacing, column_spacing = camera.pixel_spacing
    point = (column + along_columns / column_spacing, row + along_rows / row_spacing)
    return replace(camera, sid=camera.sid + sid, principal_point=point)


def detector_derivatives(jacobian: Tensor, camera: Camera, world_from_camera: Tensor) -> Tensor:
    """Derivatives of a DRR in the three numbers of :func:`adjusted`, per mm at the detector.

    Parameters
    ----------
    jacobian
        (6, rows, columns) of :func:`diffpose_nb.render.pose_jacobian`, for this camera and pose.
    world_from_camera
        (4, 4).

    Returns
    -------
    Tensor
        (3, rows, columns) float64.
    """
    pose = as_float64(world_from_camera)
    source = pose[:3, 3]
    ray = transform_points(pose, camera.detector_points()) - source
    turning, shifting = jacobian.reshape(6, -1).mT.split(3, dim=1)
    torque = turning - torch.linalg.cross(source.expand_as(shifting), shifting)
    by_point = torch.linalg.cross(torque, ray) / ray.square().sum(1, keepdim=True)
    x, y, z = (by_point @ pose[:3, :3]).unbind(1)
    # a point of the image moves against the principal point; columns of a mirrored image run along -x
    columns = torch.stack([z, x if camera.mirrored else -x, -y])
    return columns.reshape(3, *camera.shape)
