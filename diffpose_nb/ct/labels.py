"""Label maps: whole numbers on the CT's own grid, and the names of the labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np
import torch
from scipy import ndimage

from .errors import CTError
from .reading.scan import Scan

if TYPE_CHECKING:
    import pandas as pd
    import torchio

Structures = Union["pd.DataFrame", Mapping[int | str, int | str], str, Path]
"""Names of labels: a table with columns ``id`` (or ``label``) and ``structure`` (or ``name``) and, if you like,
``group``; a dictionary from numbers to names or from names to numbers; or a JSON file that holds such a dictionary, as
TotalSegmentator and nnU-Net write it."""

_WHOLE = 0.01
"""Labels that are further than this from a whole number are refused. Rounding errors of a file are smaller."""
_SAME_GRID = 1e-2
"""mm. Two grids count as one if their affines differ by less than this."""


def label_values(scan: Scan, path: Path) -> torch.Tensor:
    """The labels (1, I, J, K) as whole numbers, in the smallest of three types that holds them.

    Raises
    ------
    CTError
        A voxel is not a whole number, is negative, or is not finite.
    """
    values = scan.values
    if not np.isfinite(values.sum(dtype=np.float64)):
        raise CTError(f"{path}: some labels are NaN or infinite; save the label map anew as whole numbers")
    whole = np.rint(values)
    if (off := np.abs(values - whole).max()) > _WHOLE:
        raise CTError(
            f"{path}: labels are whole numbers, and here some are {off:.3g} off one: a map of probabilities, or one "
            "that "
            "was resampled with interpolation. Resample it with nearest neighbours"
        )
    if whole.min() < 0:
        raise CTError(f"{path}: labels are 0 or more, and the smallest is {whole.min():g}")
    kind = np.uint8 if whole.max() < 2**8 else np.int16 if whole.max() < 2**15 else np.int32
    return torch.from_numpy(whole.astype(kind)[None])


def on_grid_of(labels: torchio.LabelMap, volume: torchio.ScalarImage, path: Path, resample: bool) -> torchio.LabelMap:
    """The label map on the CT's grid.

    Parameters
    ----------
    resample
        What to do if the grids differ. True: each voxel of the CT gets the nearest label. False: raise an error.

    Raises
    ------
    CTError
        The grids differ and ``resample`` is False, or the two do not overlap.
    """
    same_shape = labels.spatial_shape == volume.spatial_shape
    if same_shape and np.allclose(labels.affine, volume.affine, atol=_SAME_GRID):
        return labels
    if not resample:
        raise CTError(
            f"{path}: the label map's grid {labels.spatial_shape}, origin {np.round(labels.origin, 2).tolist()}, is "
            "not "
            f"that of the CT: {volume.spatial_shape}, {np.round(volume.origin, 2).tolist()}. If both are of one "
            "scan, pass "
            "resample_labels=True"
        )
    import torchio

    # scipy rather than torchio.Resample, which takes a tilted grid for an upright one
    matrix = np.linalg.inv(labels.affine) @ volume.affine
    stored = labels.data[0].numpy()
    moved = ndimage.affine_transform(
        stored, matrix[:3, :3], matrix[:3, 3], volume.spatial_shape, order=0, mode="constant", cval=0, prefilter=False
    )
    if stored.any() and not moved.any():
        raise CTError(f"{path}: the label map does not overlap the CT: it is of another scan, or has a wrong position")
    return torchio.LabelMap(tensor=torch.from_numpy(moved)[None], affine=volume.affine)


def structures_table(structures: Structures | None) -> pd.DataFrame | None:
    """A table with columns ``id``, whole numbers, and ``structure``, names; other columns stay.

    Raises
    ------
    CTError
        There are no such columns, ids that are no whole numbers, or two names for one id.
    """
    if structures is None:
        return None
    import pandas as pd

    if isinstance(structures, str | Path):
        structures = _from_json(Path(structures))
    table = structures.copy() if isinstance(structures, pd.DataFrame) else _from_mapping(structures)
    table = table.rename(columns=_columns(table))
    if missing := {"id", "structure"} - set(table.columns):
        raise CTError(
            f"structures has columns {list(map(str, table.columns))}, and {', '.join(sorted(missing))} is missing: "
            "it has "
            "columns id and structure, or is a dictionary from numbers to names"
        )
    try:
        numbers = pd.to_numeric(table["id"])
        table["id"] = numbers.astype(int)
        if (table["id"] != numbers).any():
            raise ValueError
    except (TypeError, ValueError):
        raise CTError("structures: the column id holds something else than whole numbers") from None
    if table["id"].duplicated().any():
        raise CTError(f"structures: label {table['id'][table['id'].duplicated()].iloc[0]} has two names")
    return table


def _columns(table: pd.DataFrame) -> dict[str, str]:
    known = {"label": "id", "index": "id", "value": "id", "name": "structure", "label_name": "structure"}
    here = {str(column).strip().lower(): column for column in table.columns}
    renamed = {}
    for wanted in ("id", "structure"):
        if wanted in here:
            renamed[here[wanted]] = wanted
            continue
        for other, meaning in known.items():
            if meaning == wanted and other in here:
                renamed[here[other]] = wanted
                break
    return renamed


def _from_mapping(structures: Mapping[int | str, int | str]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for key, value in structures.items():
        number, name = (key, value) if _is_number(key) else (value, key)
        if not _is_number(number):
            raise CTError(f"structures: neither {key!r} nor {value!r} is the number of a label")
        rows.append((int(number), str(name)))
    return pd.DataFrame(rows, columns=["id", "structure"])


def _is_number(value: object) -> bool:
    return isinstance(value, int | np.integer) or (isinstance(value, str) and value.strip().isdigit())


def _from_json(path: Path) -> dict[int | str, int | str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CTError(f"{path}: cannot be read as names of structures ({type(error).__name__})") from None
    content = content.get("labels", content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not content:
        raise CTError(f"{path}: no dictionary of labels in it")
    return content
