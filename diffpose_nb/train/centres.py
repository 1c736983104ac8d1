"""Where labelled structures are: isocentres of a C-arm that is aimed at them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torchio

from ..render.volumes.prepared import labels_of
from .poses import Point


def label_centres(subject: torchio.Subject, structures: str | int | Sequence[str | int]) -> tuple[Point, ...]:
    """The centroids of labelled structures, for the ``isocenter`` of :class:`PoseRange`.

    For one structure, ``PoseRange(isocenter=label_centres(subject, "vertebrae_L3"))`` is aimed at its centre. For
    several, the isocentre is anywhere on the line that leads through their centres, in the given order.

    Parameters
    ----------
    subject
        A CT with a label map.
    structures
        Names or numbers of labels.

    Returns
    -------
    tuple of (x, y, z)
        One point for each structure, in world coordinates, mm. If the CT cuts a structure off, the point is the
        centroid of the part that is in the CT.

    Raises
    ------
    ValueError
        The subject has no label map, or the map has no voxel of one of the structures.
    """
    wanted = [structures] if isinstance(structures, str | int) else list(structures)
    labels = labels_of(subject, wanted)
    mask = subject["mask"]
    voxels = mask.data[0].numpy()
    points = []
    for label in labels:
        inside = [axis.mean() for axis in np.unravel_index(np.flatnonzero(voxels == label), voxels.shape)]
        x, y, z = mask.affine[:3, :3] @ inside + mask.affine[:3, 3]
        points.append((float(x), float(y), float(z)))
    return tuple(points)
