"""Reading the pixels of one frame, after the modality transformation, and their relation to the beam."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np
import torch
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array
from pydicom.uid import UID
from torch import Tensor

from ..images import beam_sign
from .errors import DicomError, UnreadableDicom
from .header import Header, Unusable, find_items, find_numbers, find_text, find_value, show_number, tag_label
from .writing.identity import PIXEL_VALUE_LABEL


@dataclass(frozen=True)
class Pixels:
    """The values of a frame and their relation to the beam; see :class:`XRay`."""

    values: Tensor
    relationship: str
    sign: int


def count_frames(path: str | os.PathLike[str], dataset: Dataset, frame: int) -> int:
    """Number of Frames (0028,0008); 1 where the tag is absent.

    Raises
    ------
    DicomError
        The file has no frame with the number ``frame``.
    UnreadableDicom
        The tag does not contain a whole number from 1 on.
    """
    frames = _integer(path, dataset, "NumberOfFrames", 1, default=1)
    if isinstance(frame, bool) or not isinstance(frame, (int, np.integer)) or not 0 <= frame < frames:
        raise DicomError(f"{path}: frame is {frame!r}: the file has {frames} frame(s). Pass frame=0 to {frames - 1}.")
    return frames


def read_pixels(
    path: str | os.PathLike[str], dataset: Dataset, header: Header, kind: str, frame: int, frames: int
) -> Pixels:
    """Decode one frame and apply its modality LUT or rescale. Each assumption is added to ``header.notes``.

    Raises
    ------
    UnreadableDicom
        The pixels are damaged, cut off, in colour, or have another size than the header says.
    """
    shape = (_integer(path, dataset, "Rows", 2), _integer(path, dataset, "Columns", 2))
    samples = _integer(path, dataset, "SamplesPerPixel", 1, default=1)
    photometric = find_text([dataset], "PhotometricInterpretation")
    if samples != 1 or photometric not in ("MONOCHROME1", "MONOCHROME2", ""):
        raise UnreadableDicom(
            f"{path}: {tag_label('SamplesPerPixel')} is {samples}, {tag_label('PhotometricInterpretation')} "
            f"{photometric if photometric.startswith('MONO') else 'is not MONOCHROME1 or 2'}: a colour image, and "
            "X-rays are grey. Export the original, not a screenshot."
        )
    _require_length(path, dataset, header, shape, frames)
    try:
        stored = pixel_array(dataset, index=int(frame), raw=True)
    except Exception:  # decoders raise many kinds of errors for damaged pixels, and they quote the content
        raise UnreadableDicom(
            f"{path}: its pixels cannot be decoded: the file is damaged or was cut off, or its compression "
            f"({_syntax(dataset)}) is not known here. Export it again, uncompressed if that is offered."
        ) from None
    if stored.shape != shape:
        raise UnreadableDicom(
            f"{path}: its pixels are {' x '.join(map(str, stored.shape))}, its header says {shape[0]} x {shape[1]}. "
            "The file is damaged: export it again."
        )
    relationship, sign, of_stored = _relationship(header, kind, photometric)
    values, relationship, flip = _modality(path, dataset, header, kind, stored, relationship)
    # The linear beam of a lookup table has a sign of its own. A tag speaks of stored values, which a falling rescale
    # turns over; how the image is shown speaks of the values after it (PS3.3 C.7.6.3.1.2, PS3.4 N.2).
    sign = 1 if flip is None else sign * flip if of_stored else sign
    if not of_stored and flip == -1:
        sign = _judged(header, torch.from_numpy(values), sign)
    if not np.isfinite(values).all():
        raise UnreadableDicom(f"{path}: {tag_label('RescaleSlope')} or Intercept makes some pixels infinite.")
    return Pixels(torch.from_numpy(values), relationship, sign)


def _integer(path: str | os.PathLike[str], dataset: Dataset, keyword: str, low: int, default: int | None = None) -> int:
    try:
        found = find_numbers([dataset], keyword)
    except Unusable as reason:
        raise UnreadableDicom(f"{path}: {tag_label(keyword)} is {reason}. Export the file again.") from None
    if found is None and default is not None:
        return default
    if found is None or found[0] != int(found[0]) or found[0] < low:
        value = "missing" if found is None else show_number(found[0])
        raise UnreadableDicom(f"{path}: {tag_label(keyword)} is {value}: it has to be a whole number, {low} or more.")
    return int(found[0])


def _syntax(dataset: Dataset) -> str:
    """The name of the transfer syntax. It comes from pydicom's table, since text of the file is not quoted."""
    uid = dataset.file_meta.TransferSyntaxUID
    return uid.name if uid.name != str(uid) else "a private one"


def _require_length(
    path: str | os.PathLike[str], dataset: Dataset, header: Header, shape: tuple[int, int], frames: int
) -> None:
    """Check that uncompressed pixels fill the image. More bytes, all alike, are padding, and a note says so."""
    uid = dataset.file_meta.get("TransferSyntaxUID")
    if not isinstance(uid, UID) or not uid.is_transfer_syntax:
        raise UnreadableDicom(
            f"{path}: Transfer Syntax UID (0002,0010) is missing, or names no way to encode pixels. Export it again."
        )
    if uid.is_encapsulated:
        return
    bits = _integer(path, dataset, "BitsAllocated", 1)
    expected = math.ceil(shape[0] * shape[1] * frames * bits / 8)
    found = len(dataset.PixelData)
    behind = set(dataset.PixelData[expected:])
    if found > expected + expected % 2 and len(behind) == 1:
        header.notes.append(f"Behind the pixels there are {found - expected} bytes of padding, which are left out.")
    elif found not in (expected, expected + expected % 2):
        raise UnreadableDicom(
            f"{path}: Pixel Data (7FE0,0010) has {found} bytes, but {frames} frame(s) of {shape[0]} x {shape[1]} "
            f"pixels of {bits} bits need {expected}. The file was cut off or its header changed: export it again."
        )


def _relationship(header: Header, kind: str, photometric: str) -> tuple[str, int, bool]:
    """Whether the values are LIN, LOG or DISP, and whether larger values mean more beam (+1) or less (-1).

    The third item says whether this holds for the stored values; else it holds for those after Rescale Slope.
    """
    label, sign_label = tag_label("PixelIntensityRelationship"), tag_label("PixelIntensityRelationshipSign")
    relationship = header.text("PixelIntensityRelationship")
    if relationship not in ("LIN", "LOG", "DISP"):
        relationship = "DISP"
        header.notes.append(f"{label} is missing or not LIN, LOG or DISP: pixels are taken as display values (DISP).")
    try:
        sign = find_numbers(header.scopes, "PixelIntensityRelationshipSign")
    except Unusable:
        sign = (0.0,)
    if sign is not None and abs(sign[0]) == 1:
        return relationship, int(sign[0]), True
    # In fluoroscopy and angiography LIN and LOG values grow with the beam (PS3.3 C.8.7.1.1.2), and bone is shown dark.
    # In radiography bone is shown bright. MONOCHROME1 shows low values bright.
    fluoroscopic = kind not in ("DX", "DX for processing", "CR")
    bright_is_beam = 1 if fluoroscopic else -1
    sign = bright_is_beam if photometric != "MONOCHROME1" else -bright_is_beam
    if fluoroscopic and relationship in ("LIN", "LOG"):
        return relationship, 1, True
    shown = "dark" if fluoroscopic else "bright"
    header.notes.append(
        f"{sign_label} is missing: larger pixels are taken as {'more' if sign > 0 else 'less'} beam, since "
        f"{photometric or 'MONOCHROME2'} images of this kind (of {kind}) show bone {shown}."
    )
    return relationship, sign, False


def _judged(header: Header, values: torch.Tensor, sign: int) -> int:
    """The sign by the picture, where the tags leave it open: none says it, and a rescale turns the values over."""
    seen = beam_sign(values)
    told = f"{tag_label('RescaleSlope')} turns the values over, so that the tags do not decide"
    if seen is None:
        header.notes.append(f"{told}, nor does the picture: compare it with a DRR, and turn xray.sign over if need be.")
        return sign
    header.notes.append(f"{told}; by the picture, larger pixels are taken as {'more' if seen > 0 else 'less'} beam.")
    return seen


def _modality(
    path: str | os.PathLike[str],
    dataset: Dataset,
    header: Header,
    kind: str,
    stored: np.ndarray,
    relationship: str,
) -> tuple[np.ndarray, str, int | None]:
    """Apply a lookup table, or Rescale Slope and Intercept, to stored values.

    The result is the values as float32, their relationship after this step, and whether the step rises (+1) or falls
    (-1); None if it gives the beam itself.
    """
    table, to_linear = _find_table(dataset, header, kind, relationship)
    if table is not None:
        values = _look_up(path, table, stored)
        ends = _look_up(path, table, np.array([stored.min(), stored.max()]))
        falling = -1 if ends[0] > ends[1] else 1
        if not to_linear:
            return values, relationship, falling
        header.notes.append(
            f"{relationship} pixels were made proportional to the beam (LIN) by the file's lookup table for that."
        )
        return values, "LIN", None
    try:
        slope, intercept = (find_numbers(header.scopes, k) for k in ("RescaleSlope", "RescaleIntercept"))
    except Unusable as reason:
        raise UnreadableDicom(f"{path}: Rescale Slope (0028,1053) or Intercept (0028,1052) is {reason}.") from None
    if (slope is None) != (intercept is None):
        header.notes.append("Of Rescale Slope (0028,1053) and Intercept (0028,1052) one is missing: taken as 1, or 0.")
    slope, intercept = (slope or (1.0,))[0], (intercept or (0.0,))[0]
    for mapping in find_items([dataset], "RealWorldValueMappingSequence"):
        if find_text([mapping], "LUTLabel") == PIXEL_VALUE_LABEL:
            slope, intercept = _real_world(path, mapping)
    if slope == 0:
        raise UnreadableDicom(f"{path}: {tag_label('RescaleSlope')} is 0: every pixel would be the same.")
    with np.errstate(over="ignore"):
        values = (stored * slope + intercept).astype(np.float32)
    return values, relationship, 1 if slope > 0 else -1


def _real_world(path: str | os.PathLike[str], mapping: Dataset) -> tuple[float, float]:
    """Slope and intercept of the mapping that :func:`write_xray` writes for objects whose rescale has to be 1 and 0."""
    try:
        slope = find_numbers([mapping], "RealWorldValueSlope") or (0.0,)
        intercept = find_numbers([mapping], "RealWorldValueIntercept") or (0.0,)
    except Unusable as reason:
        raise UnreadableDicom(f"{path}: its Real World Value Mapping (0040,9096) is {reason}.") from None
    return slope[0], intercept[0]


def _find_table(
    dataset: Dataset, header: Header, kind: str, relationship: str
) -> tuple[Dataset, bool] | tuple[None, bool]:
    """A lookup table for the pixels, or None, and whether its result is linear in the beam.

    In plain XA and XRF the modality LUT converts LOG and DISP values back to the beam (PS3.3 C.8.7.1.1.2); enhanced
    objects have Pixel Intensity Relationship LUTs for this. In other objects a modality LUT is a step towards display.
    """
    if relationship != "LIN":
        for item in find_items(header.scopes, "PixelIntensityRelationshipLUTSequence"):
            if find_text([item], "LUTFunction") == "TO_LINEAR":
                return item, True
    tables = find_items([dataset], "ModalityLUTSequence")
    if not tables:
        return None, False
    return tables[0], kind in ("XA", "XRF") and relationship != "LIN"


def _look_up(path: str | os.PathLike[str], table: Dataset, stored: np.ndarray) -> np.ndarray:
    """Convert stored values with a lookup table of 8 or 16 bits, which is constant beyond its ends (PS3.3 C.11.1.1)."""
    try:
        entries, first, bits = find_numbers([table], "LUTDescriptor", 3) or (0.0, 0.0, 0.0)
        data = find_value([table], "LUTData")
        if isinstance(data, bytes):
            data = np.frombuffer(data, dtype="u1" if bits <= 8 and len(data) <= entries + 1 else "<u2")
        data = np.asarray(data, dtype=np.float32)
        entries = int(entries) or 65536
        if data.size not in (entries, entries + entries % 2) or not 0 < bits <= 16:
            raise ValueError
    except (Unusable, TypeError, ValueError):
        raise UnreadableDicom(
            f"{path}: its lookup table ({tag_label('LUTDescriptor')}, {tag_label('LUTData')}) is damaged. "
            "Export it again."
        ) from None
    return data[np.clip(stored.astype(np.int64) - int(first), 0, entries - 1)]
