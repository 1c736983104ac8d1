"""Where labelled structures are: isocentres of a C-arm that is aimed at them."""

from __future__ import annotations

from collections.abc import Sequence

import torchio

from ..ct import structure_points
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
    asked = [structures] if isinstance(structures, str | int) else structures
    return tuple(tuple(structure_points(subject, structure).mean(0).tolist()) for structure in asked)
