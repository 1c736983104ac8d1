"""A CT or a label map in one file: NIfTI, NRRD or MHA.

nibabel reads NIfTI, because SimpleITK says nothing of a file that was cut short, and turns NaN into 0. SimpleITK reads
the other formats. Neither program checks the unit of length, nor whether the transforms of a file are missing or
contradict each other. This module does.
"""

from __future__ import annotations

import re
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk

from ...camera import ras_from_lps
from ..errors import CTError
from .scan import Scan

NIFTI = (".nii", ".nii.gz")
ITK = (".nrrd", ".nhdr", ".mha", ".mhd")
_MM = {"micron": 1e-3, "mm": 1.0, "meter": 1e3, "unknown": 1.0}
_NRRD_MM = {
    "mm": 1.0,
    "millimeter": 1.0,
    "millimeters": 1.0,
    "cm": 10.0,
    "m": 1e3,
    "meter": 1e3,
    "um": 1e-3,
    "µm": 1e-3,
}
_FLIPS = ras_from_lps.numpy()
_CONTRADICTION = 1.0
"""mm. If qform and sform place a corner of the volume further apart than this, they contradict each other."""


def read_file(path: Path, what: str = "CT") -> Scan:
    """The volume in a file; its numbers as they are stored.

    Parameters
    ----------
    what
        What it is called in messages: "CT" or "label map".

    Raises
    ------
    CTError
        The file cannot be read, or holds something else than one volume of real numbers.
    """
    try:
        scan = _nifti(path, what) if path.name.lower().endswith(NIFTI) else _itk(path, what)
    except CTError:
        raise
    except Exception as error:  # nibabel and SimpleITK each raise their own kinds
        raise CTError(f"{path}: cannot be read as a {what} ({type(error).__name__}); is the file whole?") from error
    if min(scan.values.shape) < 2:
        raise CTError(
            f"{path}: {scan.values.shape} voxels, a single slice: a {what} is a volume. Give the file of the whole "
            "series"
        )
    return scan


def _nifti(path: Path, what: str) -> Scan:
    image = nibabel.load(path)
    kind = image.get_data_dtype()
    if kind.names or kind.kind == "c":
        found = "colours" if kind.names else "complex numbers"
        raise CTError(f"{path}: its voxels are {found}; a {what} has one real number a voxel. Save it anew as float32")
    shape = image.shape
    if len(shape) < 3:
        raise CTError(f"{path}: an image of {len(shape)} dimensions, where a {what} has three. Give the whole volume")
    extra = int(np.prod(shape[3:]))
    if extra != 1:
        raise CTError(
            f"{path}: {extra} channels (time points, colours) where a {what} has one; save a single 3D volume"
        )
    slope, intercept = (getattr(image.dataobj, name, default) for name, default in (("slope", 1.0), ("inter", 0.0)))
    stored = np.asarray(image.dataobj.get_unscaled()).reshape(shape[:3])
    values = stored.astype(np.float32)
    if slope != 1:
        values *= np.float32(slope)
    if intercept != 0:
        values += np.float32(intercept)
    affine, notes = _nifti_affine(image)
    return Scan(values, _FLIPS @ affine, notes, {"format": "NIfTI"})


def _nifti_affine(image: nibabel.Nifti1Image) -> tuple[np.ndarray, list[str]]:
    """World (RAS, mm) from voxel, and what had to be assumed."""
    header, affine = image.header, np.array(image.affine, float)
    notes: list[str] = []
    unit = header.get_xyzt_units()[0]
    if unit == "unknown":
        notes.append("The file names no unit of length; lengths are taken as millimetres.")
    elif _MM.get(unit, 1.0) != 1:
        affine[:3] *= _MM[unit]
        notes.append(f"Lengths were in {unit} and are converted to millimetres.")
    if not isinstance(image, nibabel.Nifti1Image):
        return affine, notes
    sform, qform = image.get_sform(coded=True), image.get_qform(coded=True)
    if sform[1] == 0 and qform[1] == 0:
        notes.append(
            "The file has neither sform nor qform: how the patient lies in it is unknown. The first axis is taken "
            "to run "
            "to the left, the second to the front, the third to the head. Compare left and right with the original."
        )
    elif sform[1] > 0 and qform[1] > 0:
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in image.shape[:3]], indexing="ij")).reshape(3, -1)
        corners = np.vstack([corners, np.ones(8)])
        apart = np.linalg.norm(((sform[0] - qform[0]) @ corners)[:3], axis=0).max() * _MM.get(unit, 1.0)
        if apart > _CONTRADICTION:
            notes.append(
                f"sform and qform contradict each other by up to {apart:.1f} mm; the sform is used, as most programs "
                "do. "
                "Ask who made the file which one is right."
            )
    return affine, notes


def _itk(path: Path, what: str) -> Scan:
    image = sitk.ReadImage(str(path))
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise CTError(
            f"{path}: {image.GetNumberOfComponentsPerPixel()} channels where a {what} has one; save a single 3D volume"
        )
    if "complex" in image.GetPixelIDTypeAsString():
        raise CTError(f"{path}: its voxels are complex numbers; a {what} has one real number a voxel")
    if image.GetDimension() != 3:
        raise CTError(f"{path}: an image of {image.GetDimension()} dimensions, where a {what} has three")
    values = np.ascontiguousarray(sitk.GetArrayViewFromImage(image).T.astype(np.float32))
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    notes: list[str] = []
    if path.suffix.lower() in (".nrrd", ".nhdr"):
        factor, notes = _nrrd_units(path)
        matrix[:3] *= factor
    return Scan(values, matrix, notes, {"format": path.suffix[1:].upper()})


def _nrrd_units(path: Path) -> tuple[float, list[str]]:
    """What lengths have to be multiplied by, from the text at the file's beginning, which SimpleITK does not report."""
    head = path.read_bytes()[:20_000].split(b"\n\n")[0].decode("utf-8", "replace")
    notes = []
    if not re.search(r"^space(?: dimension)?:", head, re.MULTILINE):
        notes.append(
            "The file names no space: how the patient lies in it is unknown. Its axes are taken as left, back and "
            "head. "
            "Compare left and right with the original."
        )
    units = re.search(r"^space units:(.*)$", head, re.MULTILINE)
    names = set(re.findall(r'"([^"]*)"', units.group(1))) if units else set()
    names.discard("")
    if not names:
        return 1.0, notes
    if len(names) > 1 or not names <= set(_NRRD_MM):
        raise CTError(f"{path}: space units are {', '.join(sorted(names))}: write the file anew in mm")
    (name,) = names
    if _NRRD_MM[name] != 1:
        notes.append(f"Lengths were in {name} and are converted to millimetres.")
    return _NRRD_MM[name], notes
