"""The example as files such as a hospital hands out: a folder of DICOM slices, and an X-ray."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from ..ct.load import EXAMPLE_CT, read_scan
from ..ct.reading.scan import Scan
from ..data import EXAMPLE_XRAY

_AIR = -1024
"""HU of what the scanner's round field leaves out; DICOM stores the difference from it."""


def example_files(folder: str | Path) -> tuple[Path, Path]:
    """Write the example CT as a DICOM series, and the example X-ray beside it. What is there already stays.

    Parameters
    ----------
    folder
        Where to. It is made if it does not exist; the series takes 70 MB.

    Returns
    -------
    (Path, Path)
        The folder of the slices, and the X-ray, an XA file.
    """
    folder = Path(folder)
    series, xray = folder / "ct", folder / "xray.dcm"
    if not series.exists():
        fresh = series.with_name(".ct.new")  # an interrupted call leaves no half series
        shutil.rmtree(fresh, ignore_errors=True)
        write_series(fresh, read_scan(EXAMPLE_CT, progress=False))
        fresh.rename(series)
    if not xray.exists():
        shutil.copyfile(EXAMPLE_XRAY, xray)
    return series, xray


def write_series(folder: Path, scan: Scan) -> None:
    """Write a scan as one file a slice, with the tags that place it and make its numbers Hounsfield units."""
    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = (generate_uid() for _ in range(3))
    axes = scan.lps_from_voxel[:3, :3] / scan.spacing
    for k in range(scan.values.shape[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_ = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        stored = np.clip(np.rint(scan.values[..., k].T) - _AIR, 0, None).astype("<u2")
        tags = {
            "SOPClassUID": CTImageStorage,
            "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
            "StudyInstanceUID": study,
            "SeriesInstanceUID": series,
            "FrameOfReferenceUID": frame,
            "Modality": "CT",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "PatientName": "Example",
            "PatientID": "Example",
            "InstanceNumber": k + 1,
            "Rows": stored.shape[0],
            "Columns": stored.shape[1],
            "PixelSpacing": _decimal(scan.spacing[[1, 0]]),
            "ImageOrientationPatient": _decimal([*axes[:, 0], *axes[:, 1]]),
            "ImagePositionPatient": _decimal((scan.lps_from_voxel @ [0, 0, k, 1])[:3]),
            "RescaleSlope": "1",
            "RescaleIntercept": str(_AIR),
            "RescaleType": "HU",
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 16,
            "BitsStored": 16,
            "HighBit": 15,
            "PixelRepresentation": 0,
        }
        for keyword, value in tags.items():
            setattr(slice_, keyword, value)
        slice_.PixelData = stored.tobytes()
        slice_.save_as(folder / f"slice_{k + 1:03d}.dcm", enforce_file_format=True)


def _decimal(values: np.ndarray | list[float]) -> list[str]:
    """Decimal strings of at most 16 characters."""
    return [f"{float(value):.10g}"[:16] for value in values]
