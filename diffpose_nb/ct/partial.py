"""Parts of a CT: what lies within limits, and single structures of the label map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..camera import as_float64, transform_points
from .errors import CTError

if TYPE_CHECKING:
    import torchio

_EMPTY = {"volume": -1000.0, "density": 0.0, "mask": 0}
_AXES = ("right", "anterior", "superior")
_GRID = 1e-6  # voxels: a limit that lies this close to a voxel's centre counts as on it


def cut(
    subject: torchio.Subject,
    *,
    right: tuple[float, float] | None = None,
    anterior: tuple[float, float] | None = None,
    superior: tuple[float, float] | None = None,
) -> torchio.Subject:
    """The part of a CT that lies within limits, as if the scanner had covered no more.

    The world stays that of the whole CT, so the same pose shows the same anatomy in the same place, and the transform
    ``lps_from_world`` stays what it was. The origin of the world is then no longer the centre of the volume.

    Parameters
    ----------
    subject
        CT from :mod:`diffpose_nb.ct`. It is not changed.
    right, anterior, superior
        The lowest and the highest coordinate that is kept, in mm along the world's axes, which point to the patient's
        right, front and head. Voxels are kept if their centre lies within the limits. None: everything along this axis.

    Returns
    -------
    torchio.Subject
        The volume, the density and the label map on the smaller grid. If the grid is oblique to the world's axes, the
        grid is the smallest that holds what is kept, and the voxels in it that lie outside the limits are air without
        a label. A sentence about the limits is added to the notes.

    Raises
    ------
    CTError
        A limit is not a number, the lower is above the upper one, or no voxel lies within the limits.
    """
    limits = dict(zip(_AXES, (right, anterior, superior), strict=True))
    volume = subject["volume"]
    inside = np.ones((1, 1, 1), bool)
    for row, (name, pair) in zip(volume.affine[:3], limits.items(), strict=True):
        if pair is None:
            continue
        low, high = _limits(name, pair)
        place = _coordinate(row, volume.spatial_shape)
        slack = _GRID * np.abs(row[:3]).max()
        within = (place >= low - slack) & (place <= high + slack)
        if not within.any():
            raise CTError(
                f"{name}=({low:g}, {high:g}) keeps no voxel: the CT reaches from {place.min():.4g} to "
                f"{place.max():.4g} mm along this axis"
            )
        inside = inside & within
    if not inside.any():
        raise CTError("the limits keep no voxel: each keeps some of the CT, and no voxel lies within all of them")
    kept = [f"{name} {pair[0]:g} to {pair[1]:g}" for name, pair in limits.items() if pair is not None]
    return _only(subject, inside, 0.0, f"The CT was cut to world coordinates {', '.join(kept) or 'without limits'} mm.")


def part(
    subject: torchio.Subject, structures: str | int | Sequence[str | int], margin: float = 10.0
) -> torchio.Subject:
    """Single structures of a CT, such as one vertebra, with air around them.

    The world stays that of the whole CT, as in :func:`cut`.

    Parameters
    ----------
    subject
        CT from :mod:`diffpose_nb.ct` that has a label map. It is not changed.
    structures
        Names from ``subject["structures"]``, or numbers of labels; one or several.
    margin
        Air that is kept around the structures, mm along the axes of the grid, as far as the CT reaches.

    Returns
    -------
    torchio.Subject
        The structures' own voxels, in a box around them. All others have -1000 HU, no density and no label. A sentence
        about the structures is added to the notes.

    Raises
    ------
    CTError
        The CT has no label map, a structure is unknown or has no voxel, or the margin is negative.
    """
    if not 0 <= margin < np.inf:
        raise CTError(f"margin is {margin}: it must be a number of mm, 0 or more")
    numbers = label_numbers(subject, structures)
    labels = subject["mask"].data[0].numpy()
    note = f"Only {_named(subject, numbers)} of the CT is left; the rest is air."
    return _only(subject, np.isin(labels, numbers), margin, note)


def label_numbers(subject: torchio.Subject, structures: str | int | Sequence[str | int]) -> list[int]:
    """The numbers of labels that are given by name or by number.

    Raises
    ------
    CTError
        The CT has no label map, no structure is given, or the map has no voxel of one of them.
    """
    mask = subject.get("mask")
    if mask is None:
        raise CTError("structures come from a label map and this CT has none: give load_ct(path, labels=…) one")
    asked = [structures] if isinstance(structures, str | int | np.integer) else list(structures)
    if not asked:
        raise CTError("structures is empty: name at least one")
    table = subject.get("structures")
    names = {} if not hasattr(table, "columns") else dict(zip(table["structure"], table["id"], strict=True))
    numbers = [names.get(structure, structure) for structure in asked]
    for structure, number in zip(asked, numbers, strict=True):
        if isinstance(number, str) or not (mask.data == number).any():
            present = set(torch.unique(mask.data).int().tolist())
            known = [name for name, other in names.items() if other in present] or sorted(present)
            raise CTError(f"structure {structure!r} is not in the label map, which has {known}")
    return [int(number) for number in numbers]


def structure_points(subject: torchio.Subject, structure: str | int) -> Tensor:
    """The centres (N, 3) of a structure's voxels, world mm float64.

    Raises
    ------
    CTError
        The CT has no label map, or the map has no voxel of the structure.
    """
    (number,) = label_numbers(subject, structure)
    mask = subject["mask"]
    labels = mask.data[0].numpy()
    index = np.stack(np.unravel_index(np.flatnonzero(labels == number), labels.shape), 1)
    return transform_points(as_float64(mask.affine), as_float64(index))


def _limits(name: str, pair: tuple[float, float]) -> tuple[float, float]:
    low, high = (float(mm) for mm in pair)
    if np.isnan([low, high]).any():
        raise CTError(f"{name} is ({low:g}, {high:g}): the limits are two numbers, in mm")
    if low > high:
        raise CTError(f"{name} is ({low:g}, {high:g}): the lower limit comes first")
    return low, high


def _coordinate(row: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """One world coordinate of all voxels. It has length 1 along the axes of the grid on which it does not depend."""
    place = np.full((1, 1, 1), row[3])
    for axis in np.flatnonzero(np.abs(row[:3]) > 1e-12):
        place = place + row[axis] * np.arange(shape[axis]).reshape([-1 if k == axis else 1 for k in range(3)])
    return place


def _only(subject: torchio.Subject, inside: np.ndarray, margin: float, note: str) -> torchio.Subject:
    """The smallest grid around what is ``inside``, with a margin in mm; voxels outside are air without a label."""
    import torchio

    shape, spacing = subject["volume"].spatial_shape, subject["volume"].spacing
    inside = np.broadcast_to(inside, shape)
    bounds, box = [], []
    for axis, (size, mm) in enumerate(zip(shape, spacing, strict=True)):
        found = np.flatnonzero(inside.any(tuple(k for k in range(3) if k != axis)))
        wide = int(np.ceil(margin / mm))
        first, after = max(found[0] - wide, 0), min(found[-1] + 1 + wide, size)
        bounds += [int(first), int(size - after)]
        box.append(slice(first, after))
    crop = torchio.Crop(tuple(bounds))
    images = {name: crop(subject[name]) for name in _EMPTY if subject.get(name) is not None}
    outside = torch.from_numpy(~inside[tuple(box)])
    for name, image in images.items():
        image.data[:, outside] = _EMPTY[name]
    others = {name: value for name, value in subject.items() if name not in images}
    return torchio.Subject(**images, **{**others, "notes": [*(subject.get("notes") or []), note]})


def _named(subject: torchio.Subject, numbers: list[int]) -> str:
    table = subject.get("structures")
    names = {} if table is None else dict(zip(table["id"], table["structure"], strict=True))
    return ", ".join(names.get(number, f"label {number}") for number in numbers)
