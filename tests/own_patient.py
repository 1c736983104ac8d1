"""A small patient whose files other programs wrote: a series by SimpleITK, X-rays by pydicom from scratch, pictures."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk
import torch
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from scipy import ndimage

from diffpose_nb import ct
from diffpose_nb.camera import Camera, rigid_motion
from diffpose_nb.images import XRay
from diffpose_nb.simulate import OFF, simulate_xray

CAMERA = Camera(1000.0, (2.0, 2.0), (112, 112))
SOD = 700.0
SPACING, ORIGIN = (2.5, 2.5, 2.5), (-80.0, -310.0, 512.5)
MOTION = rigid_motion([2.0, -1.5, 1.0], [5.0, -4.0, 3.0])
"""How the patient has moved: the header is wrong by this."""
XA = "1.2.840.10008.5.1.4.1.1.12.1"


def volume() -> np.ndarray:
    """(64, 52, 64) Hounsfield units, axes L, P, H: a body of water with blocks for vertebrae, ribs, and balls."""
    rng = np.random.default_rng(5)
    shape = (64, 52, 64)
    x, y, z = (axis - (n - 1) / 2 for axis, n in zip(np.indices(shape), shape, strict=True))
    values = np.full(shape, -1000.0)
    values[(x / 29) ** 2 + (y / 22) ** 2 < 1] = 30
    values[((x - 12) / 10) ** 2 + (y / 14) ** 2 + (z / 26) ** 2 < 1] = -800  # a lung, on the left only
    for k in range(-27, 28, 9):
        values[(abs(x) < 5) & (abs(y - 11) < 4) & (abs(z - k) < 3)] = 700
        values[(abs(np.hypot(x / 26, y / 19) - 1) < 0.06) & (abs(z - k - 0.25 * x) < 1.5)] = 800
    for _ in range(14):
        at = rng.uniform(-1, 1, 3) * (18, 12, 26)
        values[(x - at[0]) ** 2 + (y - at[1]) ** 2 + (z - at[2]) ** 2 < rng.uniform(6, 20)] = rng.uniform(300, 1200)
    return np.rint(ndimage.gaussian_filter(values, 0.6)).astype(np.int16)


def write_series(folder: Path) -> Path:
    """A DICOM series as SimpleITK (GDCM) writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(volume().T)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    series, study, frame = (generate_uid() for _ in range(3))
    for k in range(image.GetDepth()):
        piece = image[:, :, k]
        place = image.TransformIndexToPhysicalPoint((0, 0, k))
        tags = {
            "0008|0060": "CT",
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": generate_uid(),
            "0008|0008": "ORIGINAL\\PRIMARY\\AXIAL",
            "0020|000d": study,
            "0020|000e": series,
            "0020|0052": frame,
            "0020|0013": str(k + 1),
            "0020|0032": "\\".join(f"{mm:.6g}" for mm in place),
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0010|0010": "Somebody^Secret",
            "0028|1052": "0",
            "0028|1053": "1",
            "0018|0060": "120",
        }
        for tag, value in tags.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"slice_{k:03}.dcm"))
        writer.Execute(piece)
    return folder


def write_labels(path: Path) -> Path:
    """A label map on the same grid: 1 is everything over 250 HU."""
    labels = sitk.GetImageFromArray((volume().T > 250).astype(np.uint8))
    labels.SetSpacing(SPACING)
    labels.SetOrigin(ORIGIN)
    sitk.WriteImage(labels, str(path))
    return path


def shoot(subject, primary: float = 20.0, secondary: float = 5.0, motion=MOTION, **effects) -> XRay:
    """A simulated X-ray, with the whole physics off unless asked for."""
    return simulate_xray(subject, CAMERA, primary, secondary, SOD, motion=motion, **{**OFF, **effects})


def subject():
    """The CT without a file."""
    affine = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
    affine[:3, 3] = np.array(ORIGIN) * (-1, -1, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ct.nii"
        nibabel.save(nibabel.Nifti1Image(volume(), affine), path)
        return ct.load_ct(path, progress=False)


def write_xa(path: Path, xray: XRay, primary: float = 20.0, secondary: float = 5.0, **tags: object) -> Path:
    """An XA file of 16 bits, every tag set by hand; ``tags`` come last, None deletes one."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = XA, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    pixels = stored(xray)
    base = {
        "SOPClassUID": XA,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "Modality": "XA",
        "PatientName": "Somebody^Secret",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "PixelIntensityRelationship": "LIN",
        "DistanceSourceToDetector": "1000",
        "DistanceSourceToPatient": "700",
        "PositionerPrimaryAngle": str(primary),
        "PositionerSecondaryAngle": str(secondary),
        "ImagerPixelSpacing": ["2", "2"],
    }
    for keyword, value in (base | tags).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


def stored(xray: XRay) -> np.ndarray:
    """The beam of an X-ray in 16 bits."""
    beam = xray.pixels / xray.pixels.max()
    return np.rint(60000 * beam.numpy()).astype("<u2")


POINTS = torch.tensor([[0.0, 20.0, 30.0], [-30.0, -10.0, -40.0], [40.0, 5.0, 10.0], [10.0, -40.0, 50.0]]).double()
"""Landmarks in world mm."""
