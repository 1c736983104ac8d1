"""One slice of a CT: where a DICOM header says that it lies, and how its numbers become Hounsfield units.

A file of one frame holds one slice. A file of many frames (Enhanced CT) holds one in each frame, with its geometry in
functional groups (PS3.3 C.7.6.16). From here on both are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from ...dicom.header import Unusable, find_items, find_numbers, find_text, find_value, tag_label
from ..errors import CTError

_MACROS = (
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
    "CTImageFrameTypeSequence",
    "FrameContentSequence",
)
_PHASE = ("TemporalPositionIdentifier", "TemporalPositionIndex", "NominalPercentageOfCardiacPhase", "AcquisitionNumber")
"""Tags that tell several volumes of one place apart: phases of breath or heart, runs before and after contrast."""
_ORTHONORMAL = 1e-3
"""Deviation of the orientation's two directions from unit length and from a right angle that rounding may leave."""


@dataclass(frozen=True)
class Slice:
    """One slice.

    Parameters
    ----------
    file, frame
        The file, and the number of the frame in it, from 0.
    position
        (3,) centre of the first pixel, DICOM patient coordinates (LPS), mm.
    across, down
        (3,) unit vectors along which the column and the row of a pixel increase.
    spacing
        (row, column) distance of pixel centres, mm.
    shape
        (rows, columns).
    slope, intercept
        From stored numbers to Hounsfield units, by this slice's own tags.
    rescaled
        Whether the header has these two; else they are 1 and 0.
    padding
        (lowest, highest) stored numbers that stand for "no patient here"; None if there are none.
    phase
        What tells several volumes of one place apart, ``(tag, value)`` pairs.
    localizer
        Whether the header calls it a scout.
    """

    file: Path
    frame: int
    position: np.ndarray
    across: np.ndarray
    down: np.ndarray
    spacing: tuple[float, float]
    shape: tuple[int, int]
    slope: float
    intercept: float
    rescaled: bool
    padding: tuple[float, float] | None
    phase: tuple[tuple[str, float], ...]
    localizer: bool

    @property
    def normal(self) -> np.ndarray:
        """(3,) the slice's normal; slices that are ascending along it make a right-handed volume."""
        return np.cross(self.across, self.down)

    @property
    def name(self) -> str:
        """The file, and the frame if it has several, for messages."""
        return self.file.name if self.frame < 0 else f"{self.file.name}, frame {self.frame + 1}"


def slices_of(dataset: Dataset, file: Path) -> list[Slice]:
    """The slices in a data set; the pixels are not looked at.

    Raises
    ------
    CTError
        A tag that the geometry needs is missing or makes no sense; the message names it.
    """
    frames = _number(dataset, "NumberOfFrames", file, 1.0)
    several = "PerFrameFunctionalGroupsSequence" in dataset
    if not several:
        if frames != 1:
            raise CTError(
                f"{file}: {frames:g} frames without Per-frame Functional Groups (5200,9230): where each lies "
                "is unknown. Export the series as CT or Enhanced CT images"
            )
        return [_slice([dataset], file, -1)]
    groups = find_items([dataset], "PerFrameFunctionalGroupsSequence")
    if len(groups) != frames:
        raise CTError(f"{file}: {frames:g} frames and {len(groups)} functional groups; is the file whole?")
    shared = [item for group in find_items([dataset], "SharedFunctionalGroupsSequence")[:1] for item in _items(group)]
    return [_slice([*_items(group), *shared, dataset], file, n) for n, group in enumerate(groups)]


def _items(group: Dataset) -> list[Dataset]:
    return [item for macro in _MACROS for item in find_items([group], macro)[:1]]


def _slice(scopes: list[Dataset], file: Path, frame: int) -> Slice:
    where = file if frame < 0 else f"{file}, frame {frame + 1}"
    directions = np.array(_numbers(scopes, "ImageOrientationPatient", 6, where)).reshape(2, 3)
    if np.abs(directions @ directions.T - np.eye(2)).max() > _ORTHONORMAL:
        raise CTError(
            f"{where}: {tag_label('ImageOrientationPatient')} is {np.round(directions, 4).ravel().tolist()}: not two "
            "unit vectors at a right angle. Export the series again"
        )
    spacing = _numbers(scopes, "PixelSpacing", 2, where)
    if min(spacing) <= 0:
        raise CTError(f"{where}: {tag_label('PixelSpacing')} is {spacing}: distances are positive. Export it again")
    rows, columns = (int(_numbers(scopes, keyword, 1, where)[0]) for keyword in ("Rows", "Columns"))
    slope, intercept = (_rescale(scopes, keyword, where) for keyword in ("RescaleSlope", "RescaleIntercept"))
    phase = tuple((k, found[0]) for k in _PHASE if (found := _optional(scopes, k, 1)) is not None)
    kinds = [str(kind).upper() for kind in _texts(scopes)]
    across, down = directions
    return Slice(
        file=file,
        frame=frame,
        position=np.array(_numbers(scopes, "ImagePositionPatient", 3, where)),
        across=across,
        down=down,
        spacing=(spacing[0], spacing[1]),
        shape=(rows, columns),
        slope=1.0 if slope is None else slope,
        intercept=0.0 if intercept is None else intercept,
        rescaled=slope is not None and intercept is not None,
        padding=_padding(scopes),
        phase=phase,
        localizer="LOCALIZER" in kinds,
    )


def _numbers(scopes: list[Dataset], keyword: str, count: int, where: Path | str) -> tuple[float, ...]:
    """Numbers that the geometry cannot do without."""
    try:
        values = find_numbers(scopes, keyword, count)
    except Unusable as reason:
        raise CTError(f"{where}: {tag_label(keyword)} is {reason}. Export the series again") from None
    if values is None:
        raise CTError(
            f"{where}: {tag_label(keyword)} is missing, without which nobody knows where the slice lies. Export the "
            "original series; a converted or anonymised copy may have lost it"
        )
    return values


def _rescale(scopes: list[Dataset], keyword: str, where: Path | str) -> float | None:
    try:
        values = find_numbers(scopes, keyword)
    except Unusable as reason:
        raise CTError(f"{where}: {tag_label(keyword)} is {reason}. Export the series again") from None
    if keyword == "RescaleSlope" and values == (0.0,):
        raise CTError(f"{where}: {tag_label(keyword)} is 0, by which every voxel is the same. Export the series again")
    return None if values is None else values[0]


def _optional(scopes: list[Dataset], keyword: str, count: int) -> tuple[float, ...] | None:
    try:
        return find_numbers(scopes, keyword, count)
    except Unusable:
        return None


def _number(dataset: Dataset, keyword: str, file: Path, default: float) -> float:
    try:
        found = find_numbers([dataset], keyword)
    except Unusable as reason:
        raise CTError(f"{file}: {tag_label(keyword)} is {reason}. Export the series again") from None
    return default if found is None else found[0]


def _padding(scopes: list[Dataset]) -> tuple[float, float] | None:
    """Pixel Padding Value (0028,0120) and its Range Limit (0028,0121), PS3.3 C.7.5.1.1.2."""
    value = _optional(scopes, "PixelPaddingValue", 1)
    if value is None:
        return None
    limit = _optional(scopes, "PixelPaddingRangeLimit", 1) or value
    return min(value[0], limit[0]), max(value[0], limit[0])


def _texts(scopes: list[Dataset]) -> list[str]:
    """What Image Type (0008,0008) and Frame Type (0008,9007) say."""
    found: list[str] = []
    for keyword in ("ImageType", "FrameType"):
        try:
            value = find_value(scopes, keyword)
        except Unusable:
            continue
        found += [value] if isinstance(value, str) else list(value or [])
    return found or [find_text(scopes, "ImageType")]
