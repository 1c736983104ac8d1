"""Landmarks of the anatomy, computed from a label map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from .errors import CTError

if TYPE_CHECKING:
    import pandas as pd
    import torchio


def landmarks(subject: torchio.Subject, groups: tuple[str, ...] = ("vertebrae", "ribs")) -> pd.DataFrame:
    """Centroids of labelled structures. They are spread over the anatomy and serve to measure a registration's error.

    Parameters
    ----------
    subject
        CT with a label map.
    groups
        Groups of ``subject.structures`` to take. If the label map has no names, every label is taken.

    Returns
    -------
    DataFrame
        One row for each structure, with the columns ``name``, ``x``, ``y``, ``z``, in world coordinates, mm. If the CT
        cuts a structure off, the centroid is that of the visible part.

    Raises
    ------
    CTError
        The subject has no label map, or none of its labels is in ``groups``.
    """
    import pandas as pd

    mask = subject.get("mask")
    if mask is None:
        raise CTError("landmarks come from a label map and this CT has none: give load_ct(path, labels=…) one")
    voxels = mask.data[0].numpy().astype(np.int32)
    names = _names(subject.get("structures"), groups)
    rows = []
    for label, box in enumerate(ndimage.find_objects(voxels), start=1):
        if box is None or (names is not None and label not in names):
            continue
        inside = np.argwhere(voxels[box] == label).mean(0) + [axis.start for axis in box]
        x, y, z = mask.affine[:3, :3] @ inside + mask.affine[:3, 3]
        rows.append({"name": f"label {label}" if names is None else names[label], "x": x, "y": y, "z": z})
    if not rows:
        raise CTError(
            f"no label of {mask.path or 'the label map'} is in the groups {groups}: name others, see structures"
        )
    return pd.DataFrame(rows)


def _names(structures: pd.DataFrame | None, groups: tuple[str, ...]) -> dict[int, str] | None:
    if structures is None:
        return None
    if "group" in structures:
        structures = structures[structures["group"].isin(groups)]
    return dict(zip(structures["id"], structures["structure"], strict=True))
