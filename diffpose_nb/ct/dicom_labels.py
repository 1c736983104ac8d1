"""Segmentations in DICOM: SEG objects by highdicom; contours (RTSTRUCT) are refused with the way to convert them."""

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pandas as pd
from pydicom import dcmread

from ..dicom.header import find_text, quiet_pydicom
from .errors import CTError
from .reading.scan import Scan

_SLICER = "in 3D Slicer: load it with the CT, then Segmentations → Export to files → NRRD, as one label map"


@quiet_pydicom()
def read_dicom_labels(path: Path) -> tuple[Scan, pd.DataFrame]:
    """The label map of a DICOM segmentation, and the names of its segments.

    Parameters
    ----------
    path
        A SEG file, or a folder that holds one.

    Returns
    -------
    (Scan, DataFrame)
        The label map on the segmentation's own grid: a voxel holds the number of its segment, or 0. And a table of the
        segments, with the columns ``id`` and ``structure``.

    Raises
    ------
    CTError
        There is no segmentation, its segments overlap, or it cannot be decoded.
    """
    file = _the_file(path)
    try:
        segmentation = highdicom.seg.segread(file)
        volume = segmentation.get_volume(combine_segments=True, allow_missing_positions=True)
    except RuntimeError as error:
        raise CTError(
            f"{file}: segments overlap, and a label map has one label a voxel ({error}). Convert it {_SLICER}"
        ) from None
    except Exception as error:  # highdicom and pydicom raise as many kinds as there are ways to be wrong
        raise CTError(
            f"{file}: cannot be read as a segmentation ({type(error).__name__}). Convert it {_SLICER}"
        ) from None
    names = [
        (number, str(segmentation.get_segment_description(number).segment_label))
        for number in segmentation.segment_numbers
    ]
    values = np.ascontiguousarray(volume.array.astype(np.float32))
    matrix = np.array(volume.affine, float)
    return Scan(values, matrix, [], {"format": "DICOM SEG"}), pd.DataFrame(names, columns=["id", "structure"])


def _the_file(path: Path) -> Path:
    files = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
    found = []
    for file in files:
        try:
            modality = find_text([dcmread(file, stop_before_pixels=True)], "Modality")
        except Exception:  # not DICOM, or damaged: then it is not the segmentation either
            continue
        if modality == "RTSTRUCT":
            raise CTError(f"{file}: contours (RTSTRUCT), not a label map. Convert them {_SLICER}")
        if modality == "SEG":
            found.append(file)
    if len(found) != 1:
        raise CTError(f"{path}: {len(found)} DICOM segmentations (SEG) in it, where the label map is one")
    return found[0]
