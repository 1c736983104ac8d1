"""Opening a file: is it there, is it DICOM, is it a projection X-ray."""

from __future__ import annotations

import os
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from .errors import NotAnXRay, UnreadableDicom
from .header import Unusable, find_text, find_value, quiet_pydicom

XRAYS = {
    "1.2.840.10008.5.1.4.1.1.12.1": "XA",
}
"""SOP Class UIDs of the objects that are read, and their kinds."""


def open_xray(path: str | os.PathLike[str]) -> tuple[Dataset, str]:
    """The data set of a projection X-ray, and its kind, one of :data:`XRAYS`.

    Raises
    ------
    UnreadableDicom
        No file, a folder, empty, not DICOM, or cut off.
    NotAnXRay
        Another kind of object.
    """
    path = Path(path)
    dataset = _read(path)
    kind = _kind(path, dataset)
    if "PixelData" not in dataset:
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
        with quiet_pydicom():
            return dcmread(path)
    except UnreadableDicom:
        raise
    except InvalidDicomError:
        raise UnreadableDicom(
            f"{path}: this is not a DICOM file (no 'DICM' after its first 128 bytes). "
            "Name a DICOM file, or write one with write_xray."
        ) from None
    except PermissionError:
        raise UnreadableDicom(f"{path}: no permission to read it. Change the file's permissions.") from None
    except OSError as error:
        raise UnreadableDicom(f"{path}: the system could not read it ({error.strerror}).") from None
    except Exception:  # pydicom raises as many kinds as there are ways to damage a file, and quotes what it found
        raise UnreadableDicom(f"{path}: the DICOM file is damaged or was cut off. Copy or export it again.") from None


def _kind(path: Path, dataset: Dataset) -> str:
    try:
        with quiet_pydicom():
            uid = find_value([dataset], "SOPClassUID") or find_value([dataset.file_meta], "MediaStorageSOPClassUID")
    except (Unusable, AttributeError):
        uid = None
    if uid is None:
        raise NotAnXRay(
            f"{path}: SOP Class UID (0008,0016) is missing, so the file does not say what kind of object it is. "
            "Export it again from its archive."
        )
    uid = str(uid)
    if uid not in XRAYS:
        name = UID(uid).name if UID(uid).name != uid else "an object of an unknown kind"
        raise NotAnXRay(
            f"{path}: this is {name}, not a C-arm projection. An X-Ray Angiographic Image is read; "
            "a CT goes to diffpose_nb.ct.load_ct."
        )
    with quiet_pydicom():
        modality = find_text([dataset], "Modality")
    if modality == "MG":
        raise NotAnXRay(f"{path}: Modality (0008,0060) is MG: a mammogram, not a C-arm projection.")
    return XRAYS[uid]
