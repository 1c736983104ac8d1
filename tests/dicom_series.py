"""Writes a volume as a DICOM series, from scratch with pydicom: as scanners do it, and as it arrives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

CT_IMAGE, ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"
SHAPE, SPACING = (16, 12, 24), (0.8, 0.8, 2.5)
BRIGHT = (11, 4, 15)
"""The voxel (column, row, slice) of 1500 HU."""


def phantom() -> np.ndarray:
    """(16, 12, 24) Hounsfield units: air, a block of 40 HU, and one bright voxel off every middle."""
    values = np.full(SHAPE, -1000, np.int16)
    values[3:13, 2:9, 4:20] = 40
    values[BRIGHT] = 1500
    return values


def grid(rotation: np.ndarray | None = None, tilt: float = 0.0, spacing=SPACING) -> np.ndarray:
    """``lps_from_voxel`` (4, 4): axes turned, and slices that are tilted by so many degrees about the first axis."""
    axes = np.eye(3) if rotation is None else rotation
    step = axes[:, 2] * np.cos(np.deg2rad(tilt)) + axes[:, 1] * np.sin(np.deg2rad(tilt))
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([axes[:, 0] * spacing[0], axes[:, 1] * spacing[1], step * spacing[2]], 1)
    matrix[:3, 3] = (-17.3, 42.1, -803.7)
    return matrix


def place(matrix: np.ndarray, voxel) -> np.ndarray:
    return (matrix @ [*voxel, 1.0])[:3]


def number(value: float) -> str:
    """A decimal string of at most 16 characters."""
    return f"{value:.10g}"[:16]


def slice_dataset(values: np.ndarray, matrix: np.ndarray, k: int, **tags: object) -> FileDataset:
    """One slice of a volume as a CT image; ``tags`` by keyword are set last, None deletes one."""
    slope, intercept = float(tags.pop("slope", 1.0)), float(tags.pop("intercept", -1024.0))
    signed = bool(tags.pop("signed", False))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CT_IMAGE, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    columns, rows = values.shape[:2]
    axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    spacing = np.linalg.norm(matrix[:3, :2], axis=0)
    stored = np.rint((values[..., k].T - intercept) / slope).astype("<i2" if signed else "<u2")
    base = {
        "SOPClassUID": CT_IMAGE,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.4",
        "FrameOfReferenceUID": "1.2.3.5",
        "Modality": "CT",
        "PatientName": "Somebody^Secret",
        "PatientID": "SECRET-ID",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "InstanceNumber": k + 1,
        "Rows": rows,
        "Columns": columns,
        "PixelSpacing": [number(spacing[1]), number(spacing[0])],
        "ImageOrientationPatient": [number(x) for x in (*axes[:, 0], *axes[:, 1])],
        "ImagePositionPatient": [number(x) for x in place(matrix, (0, 0, k))],
        "RescaleSlope": number(slope),
        "RescaleIntercept": number(intercept),
        "RescaleType": "HU",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": int(signed),
        "SliceThickness": "2.5",
        "KVP": "120",
        "ConvolutionKernel": "B30f",
    }
    for keyword, value in (base | tags).items():
        if value is None:
            if keyword in dataset:
                del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.PixelData = stored.tobytes()
    return dataset


def save(dataset: FileDataset, path: Path, compressed: bool = False) -> None:
    if compressed:
        dataset.compress(RLELossless)
    dataset.save_as(path, enforce_file_format=True)


def write_series(folder: Path, values: np.ndarray, matrix: np.ndarray, slices=None, **tags: object) -> Path:
    """The slices of a volume, in files whose names do not follow their order."""
    folder.mkdir(parents=True, exist_ok=True)
    slices = range(values.shape[2]) if slices is None else slices
    for k in slices:
        save(slice_dataset(values, matrix, k, **tags), folder / f"{(7 * k) % 101:03}_{k:03}.dcm")
    return folder


def write_scout(
    folder: Path, name: str = "scout.dcm", image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "LOCALIZER")
) -> Path:
    """A coronal localiser with the series' own UID."""
    scout = slice_dataset(phantom(), grid(), 0, ImageType=list(image_type))
    scout.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
    scout.ImagePositionPatient = ["-20", "0", "100"]
    save(scout, folder / name)
    return folder / name


def enhanced(values: np.ndarray, matrix: np.ndarray, slices=None, intercepts=None, order=None) -> FileDataset:
    """The volume as one Enhanced CT file; frames in any ``order``, each with its own place and rescale."""
    dataset = slice_dataset(values, matrix, 0)
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "RescaleIntercept",
    ):
        del dataset[keyword]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = ENHANCED_CT
    slices = list(range(values.shape[2]) if slices is None else slices)
    slices = slices if order is None else [slices[n] for n in order]
    dataset.NumberOfFrames = len(slices)
    frames, pixels = [], []
    for n, k in enumerate(slices):
        intercept = -1024.0 if intercepts is None else intercepts[n]
        single = slice_dataset(values, matrix, k, intercept=intercept)
        frame, position, transformation = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = single.ImagePositionPatient
        transformation.RescaleSlope, transformation.RescaleIntercept = single.RescaleSlope, single.RescaleIntercept
        transformation.RescaleType = "HU"
        frame.PlanePositionSequence = Sequence([position])
        frame.PixelValueTransformationSequence = Sequence([transformation])
        frames.append(frame)
        pixels.append(single.PixelData)
    single = slice_dataset(values, matrix, 0)
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = single.PixelSpacing
    orientation.ImageOrientationPatient = single.ImageOrientationPatient
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    dataset.PixelData = b"".join(pixels)
    return dataset
