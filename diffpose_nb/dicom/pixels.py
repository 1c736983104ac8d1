"""Pixels of one frame, after the modality transformation, and what they say about the beam."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np
import torch
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, pixel_array
from torch import Tensor

from .errors import DicomError, UnreadableDicom
from .header import Unusable, find_numbers, find_text, quiet_pydicom, show_number, tag_label


@dataclass(frozen=True)
class Pixels:
    """A frame's values and their relation to the beam; see :class:`XRay`."""

    values: Tensor
    relationship: str
    sign: int
    notes: tuple[str, ...]


def count_frames(path: str | os.PathLike[str], dataset: Dataset) -> int:
    """Number of Frames (0028,0008), 1 where absent."""
    return _integer(path, dataset, "NumberOfFrames", 1, default=1)


def read_pixels(path: str | os.PathLike[str], dataset: Dataset, frame: int) -> Pixels:
    """Decode one frame and apply its modality LUT or rescale.

    Raises
    ------
    DicomError
        There is no such frame.
    UnreadableDicom
        The pixels are damaged, cut off, in colour or of another size than the header says.
    """
    frames = count_frames(path, dataset)
    if isinstance(frame, bool) or not isinstance(frame, (int, np.integer)) or not 0 <= frame < frames:
        raise DicomError(f"{path}: frame is {frame!r}: the file has {frames} frame(s). Pass frame=0 to {frames - 1}.")
    shape = (_integer(path, dataset, "Rows", 2), _integer(path, dataset, "Columns", 2))
    samples = _integer(path, dataset, "SamplesPerPixel", 1, default=1)
    if samples != 1:
        raise UnreadableDicom(
            f"{path}: {tag_label('SamplesPerPixel')} is {samples}: a colour image, and X-rays are grey. "
            "Export the original, not a screenshot."
        )
    _require_length(path, dataset, shape, frames)
    try:
        with quiet_pydicom():
            stored = pixel_array(dataset, index=int(frame), raw=True)
    except Exception:  # decoders raise as many kinds as there are ways to damage a stream, and quote what they found
        raise UnreadableDicom(
            f"{path}: its pixels cannot be decoded: the file is damaged or was cut off, or its compression "
            f"({_syntax(dataset)}) is not known here. Export it again, uncompressed if that is offered."
        ) from None
    if stored.shape != shape:
        raise UnreadableDicom(
            f"{path}: its pixels are {' x '.join(map(str, stored.shape))}, its header says {shape[0]} x {shape[1]}. "
            "The file is damaged: export it again."
        )
    values = _modality(path, dataset, stored)
    relationship, sign, notes = _relationship(dataset)
    return Pixels(torch.from_numpy(values), relationship, sign, notes)


def _integer(path: str | os.PathLike[str], dataset: Dataset, keyword: str, low: int, default: int | None = None) -> int:
    try:
        with quiet_pydicom():
            found = find_numbers([dataset], keyword)
    except Unusable as reason:
        raise UnreadableDicom(f"{path}: {tag_label(keyword)} is {reason}. Export the file again.") from None
    if found is None and default is not None:
        return default
    if found is None or found[0] != int(found[0]) or found[0] < low:
        value = "missing" if found is None else show_number(found[0])
        raise UnreadableDicom(f"{path}: {tag_label(keyword)} is {value}: a whole number from {low} on is due.")
    return int(found[0])


def _syntax(dataset: Dataset) -> str:
    """The transfer syntax's name, from pydicom's table and not from the file."""
    uid = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    name = getattr(uid, "name", None)
    return name if name and name != str(uid) else "transfer syntax not stated"


def _require_length(path: str | os.PathLike[str], dataset: Dataset, shape: tuple[int, int], frames: int) -> None:
    """Uncompressed pixels must fill the image exactly: pydicom would crop a long value silently."""
    uid = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if uid is None or uid.is_encapsulated:
        return
    bits = _integer(path, dataset, "BitsAllocated", 1)
    expected = math.ceil(shape[0] * shape[1] * frames * bits / 8)
    found = len(dataset.PixelData)
    if found not in (expected, expected + expected % 2):
        raise UnreadableDicom(
            f"{path}: Pixel Data (7FE0,0010) has {found} bytes, but {frames} frame(s) of {shape[0]} x {shape[1]} "
            f"pixels of {bits} bits need {expected}. The file was cut off or its header changed: export it again."
        )


def _modality(path: str | os.PathLike[str], dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Stored values to float32 after Modality LUT Sequence, or Rescale Slope and Intercept."""
    try:
        with quiet_pydicom():
            slope = find_numbers([dataset], "RescaleSlope")
            intercept = find_numbers([dataset], "RescaleIntercept")
            values = stored
            if "ModalityLUTSequence" in dataset or (slope is not None and intercept is not None):
                values = apply_modality_lut(stored, dataset)
    except Unusable as reason:
        raise UnreadableDicom(f"{path}: Rescale Slope (0028,1053) or Intercept (0028,1052) is {reason}.") from None
    except Exception:
        raise UnreadableDicom(f"{path}: Modality LUT Sequence (0028,3000) is damaged. Export the file again.") from None
    if slope is not None and slope[0] == 0:
        raise UnreadableDicom(f"{path}: Rescale Slope (0028,1053) is 0: every pixel would be the same.")
    return np.ascontiguousarray(values, dtype=np.float32)


def _relationship(dataset: Dataset) -> tuple[str, int, tuple[str, ...]]:
    """LIN, LOG or DISP, and whether larger values mean more beam (+1) or less (-1)."""
    label = tag_label("PixelIntensityRelationship")
    with quiet_pydicom():
        relationship = find_text([dataset], "PixelIntensityRelationship")
    if relationship in ("LIN", "LOG", "DISP"):
        return relationship, 1, ()
    note = f"{label} is missing or not LIN, LOG or DISP: pixels are taken as display values (DISP)."
    return "DISP", 1, (note,)
