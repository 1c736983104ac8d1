"""Opening a file. It is checked that the file exists, is DICOM, and is a projection X-ray."""

from __future__ import annotations

import os
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from .errors import NotAnXRay, UnreadableDicom
from .header import Unusable, find_text, find_value

XRAYS = {
    "1.2.840.10008.5.1.4.1.1.12.1": "XA",
    "1.2.840.10008.5.1.4.1.1.12.2": "XRF",
    "1.2.840.10008.5.1.4.1.1.12.1.1": "Enhanced XA",
    "1.2.840.10008.5.1.4.1.1.12.2.1": "Enhanced XRF",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "DX for processing",
    "1.2.840.10008.5.1.4.1.1.1": "CR",
}
"""SOP Class UIDs of the objects that can be read, and the kinds of these objects."""
# Why another object is no C-arm projection, and what to do with it. The key is a word in the object's name.
_elsewhere = {
    "CT": "a stack of reconstructed slices; diffpose_nb.ct.load_ct reads it",
    "MR": "not made with X-rays",
    "Mammography": "taken on a mammography stand, with the breast compressed, not on a C-arm",
    "Tomosynthesis": "reconstructed from many projections",
    "3D": "reconstructed from many projections",
    "RT": "of radiotherapy, in the frame of the treatment machine",
    "Secondary Capture": "a copy of a screen, which has lost its geometry; ask for the original",
    "Ultrasound": "not made with X-rays",
    "Media Storage Directory": "an index of other files; name one of those",
}


def open_xray(path: str | os.PathLike[str]) -> tuple[Dataset, str]:
    """The data set of a projection X-ray, and its kind, one of :data:`XRAYS`.

    Raises
    ------
    UnreadableDicom
        The file does not exist, is a folder, is empty, is not DICOM, is damaged or was cut off.
    NotAnXRay
        The file contains another kind of object.
    """
    path = Path(path)
    dataset = _read(path)
    kind = _kind(path, dataset)
    try:
        pixels = find_value([dataset], "PixelData")
    except Unusable:
        pixels = None
    if not isinstance(pixels, bytes):
        raise UnreadableDicom(
            f"{path}: it has no Pixel Data (7FE0,0010): only a header, or a file that was cut off. Export it again."
        )
    return dataset, kind


def _read(path: Path) -> Dataset:
    try:
        if path.is_dir():
            raise UnreadableDicom(f"{path}: this is a folder. Name one of the files in it.")
        if not path.exists():
            raise UnreadableDicom(f"{path}: there is no such file. Check the path, and the folder that it starts from.")
        if not path.is_file():
            raise UnreadableDicom(f"{path}: this is no ordinary file. Copy its content to one.")
        if path.stat().st_size == 0:
            raise UnreadableDicom(f"{path}: the file is empty. Copy or download it again.")
        return dcmread(path)
    except UnreadableDicom:
        raise
    except InvalidDicomError:
        raise UnreadableDicom(
            f"{path}: this is not a DICOM file (no 'DICM' after its first 128 bytes). Name a DICOM file; "
            "if this is one without its first 132 bytes, export it again."
        ) from None
    except PermissionError:
        raise UnreadableDicom(f"{path}: no permission to read it. Change the file's permissions.") from None
    except OSError as error:
        raise UnreadableDicom(f"{path}: the system could not read it ({error.strerror}).") from None
    except Exception:  # pydicom raises many kinds of errors for damaged files, and they quote the header
        raise UnreadableDicom(f"{path}: the DICOM file is damaged or was cut off. Copy or export it again.") from None


def _kind(path: Path, dataset: Dataset) -> str:
    uid = _uid([dataset], "SOPClassUID") or _uid([dataset.file_meta], "MediaStorageSOPClassUID")
    modality = find_text([dataset], "Modality")
    name = UID(uid).name
    tomographic = "TOMO" in find_text([dataset], "ScanOptions")
    if not uid:
        raise NotAnXRay(
            f"{path}: SOP Class UID (0008,0016) is missing, so the file does not say what kind of object it is. "
            "Export it again from its archive."
        )
    if uid not in XRAYS:
        name = name if name != uid else "an object of an unknown kind"
        reason = next((why for word, why in _elsewhere.items() if word in name), "no projection X-ray")
        raise NotAnXRay(f"{path}: this is {name}, not a C-arm projection: {reason}.")
    if modality == "MG":
        raise NotAnXRay(f"{path}: Modality (0008,0060) is MG: {_elsewhere['Mammography']}.")
    if tomographic:
        raise NotAnXRay(f"{path}: Scan Options (0018,0022) is TOMO: the source moved during the exposure.")
    return XRAYS[uid]


def _uid(scopes: list[Dataset], keyword: str) -> str:
    try:
        return str(find_value(scopes, keyword) or "")
    except Unusable:
        return ""
