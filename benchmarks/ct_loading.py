"""``python -m benchmarks.ct_loading`` measures how long a large CT takes to load, and how much memory at the most.

512 × 512 × 800 voxels, as one NIfTI file and as a DICOM series of 800 slices; each is loaded in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SHAPE = (512, 512, 800)
SPACING = (0.8, 0.8, 1.0)
LOAD = """
import resource, sys, time
from diffpose_nb import ct
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.perf_counter()
subject = ct.load_ct(sys.argv[1], progress=False)
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(subject.volume.data.numel() * 4, (peak - before) * 1024, seconds)
"""


def slab(k: int) -> np.ndarray:
    """(columns, rows) Hounsfield units: a cylinder of tissue in air, other in every slice."""
    x, y = np.mgrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j]
    return np.where(x**2 + y**2 < 0.6, 40 + 10 * np.sin(40 * x + k), -1000).astype(np.int16)


def write_nifti(path: Path) -> None:
    """All slabs in one file."""
    values = np.stack([slab(k) for k in range(SHAPE[2])], -1)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([*SPACING, 1.0])), path)


def write_series(folder: Path) -> None:
    """A slab a file."""
    folder.mkdir()
    series = generate_uid()
    for k in range(SHAPE[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
        one.SOPClassUID, one.SOPInstanceUID, one.Modality = CTImageStorage, meta.MediaStorageSOPInstanceUID, "CT"
        one.SeriesInstanceUID, one.Rows, one.Columns, one.SamplesPerPixel = series, SHAPE[1], SHAPE[0], 1
        one.PhotometricInterpretation, one.PixelRepresentation = "MONOCHROME2", 1
        one.BitsAllocated, one.BitsStored, one.HighBit = 16, 16, 15
        one.PixelSpacing, one.RescaleSlope, one.RescaleIntercept = list(SPACING[:2]), 1, 0
        one.ImageOrientationPatient, one.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, k * SPACING[2]]
        one.PixelData = slab(k).T.tobytes()
        one.save_as(folder / f"{k:04}.dcm", enforce_file_format=True)


def main() -> None:
    """Write both, load both, and print a line for each."""
    with tempfile.TemporaryDirectory() as place:
        write_nifti(Path(place) / "ct.nii")
        write_series(Path(place) / "series")
        for name in ("ct.nii", "series"):
            done = subprocess.run(
                [sys.executable, "-c", LOAD, str(Path(place) / name)], capture_output=True, text=True, check=True
            )
            size, peak, seconds = map(float, done.stdout.split())
            print(f"{name}: {size / 1e6:.0f} MB in float32, peak {peak / size:.2f} times that, {seconds:.1f} s")


if __name__ == "__main__":
    main()
