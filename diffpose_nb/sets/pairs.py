"""xvr's pairs: a DICOM file with the pixels and a PyTorch file with pose and intrinsics, beside a CT in NIfTI."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import torch
from diffdrr.pose import RigidTransform
from pydicom.errors import InvalidDicomError
from torch import Tensor

from .. import ct
from ..camera import Camera, carm_pose
from ..frames import from_diffdrr
from ..images import XRay
from .errors import SetError, SetNotHereError
from .patient import Patient, Publication, PublicSet, SetXRay, Standard
from .pelvis import SPECIMENS, WRONG

PUBLICATION = Publication(
    "xvr's pairs of X-ray and CT",
    "That of the set which was repacked: CC BY-NC 4.0 (DeepFluoro), CC BY-NC-ND 4.0 (Ljubljana). Files of your own "
    "have your own.",
    "Gopalakrishnan et al., xvr, Nature (2026), doi 10.1038/s41586-026-11045-x, and the set that was repacked",
    "https://huggingface.co/datasets/eigenvivek/xvr-data",
)
_INTRINSICS = ("sdd", "delx", "dely", "x0", "y0", "height", "width")
_FRAME = (
    "The pose is read as xvr reads it: DiffDRR 0.6, orientation AP, columns not reversed, the world's origin at the "
    "middle of volume.nii.gz."
)
_EDGES = (
    "xvr counts x0 and y0 from the edges of the pixels; if they were computed from a matrix that counts from the "
    "pixels' centres, as DeepFluoro's does, the image lies half a pixel off."
)


def xvr(
    folder: str | Path,
    *,
    hounsfield: ct.Hounsfield | None = None,
    trust: bool = False,
    keep_wrong: bool = False,
) -> PublicSet:
    """Open a folder in the layout of xvr's data: a subject, or a folder of subjects.

    A subject is a folder with ``volume.nii.gz``, perhaps ``mask.nii.gz`` and ``fiducials.pt``, and a folder ``xrays``
    with a ``.dcm`` and a ``.pt`` of the same name for each X-ray.

    Parameters
    ----------
    folder
        The folder of one subject, or the folder in which subjects lie.
    hounsfield
        What the volume's numbers are, if they are no Hounsfield units, see :func:`diffpose_nb.ct.load_ct`. For the
        angiograms of Ljubljana: ``(1, -1000)``.
    trust
        Also read ``.pt`` files that hold other things than numbers and tensors. Such a file can run any program when
        it is opened, so say this only of files that come from somebody you trust.
    keep_wrong
        Keep the X-rays of DeepFluoro whose poses are known to be wrong. A folder is taken for DeepFluoro's if its name
        is ``deepfluoro``.

    Returns
    -------
    PublicSet
        One patient for each subject. Where a ``.pt`` describes a smaller image than its ``.dcm`` has, the image is
        cropped by as much at each side.

    Raises
    ------
    SetNotHereError
        There is no such folder, no subject in it, or a file of a pair is missing.
    SetError
        A file cannot be read, or a pair does not fit together.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SetNotHereError(f"{folder}: there is no such folder. xvr's data are at {PUBLICATION.address} (4.8 GB)")
    subjects = [folder] if (folder / "xrays").is_dir() else sorted(p.parent for p in folder.glob("*/xrays"))
    if not subjects:
        raise SetNotHereError(
            f"{folder}: there is no folder xrays in it, nor in one of its folders. A subject is a folder with "
            "volume.nii.gz and xrays/NNN.dcm, xrays/NNN.pt"
        )
    patients = tuple(_patient(subject, hounsfield, trust, keep_wrong) for subject in subjects)
    PUBLICATION.announce()
    return PublicSet(patients, PUBLICATION, (_FRAME, _EDGES))


def _patient(folder: Path, hounsfield: ct.Hounsfield | None, trust: bool, keep_wrong: bool) -> Patient:
    volume = folder / "volume.nii.gz"
    if not volume.exists():
        raise SetNotHereError(f"{volume}: there is no such file, and the poses are given relative to it")
    mask = folder / "mask.nii.gz"
    wrong = _wrong(folder)
    xrays = []
    for pixels in sorted((folder / "xrays").glob("*.dcm")):
        described = pixels.with_suffix(".pt")
        if not described.exists():
            if pixels.stem.endswith("_max"):
                continue  # maxima over time, which the set publishes without a pose
            raise SetNotHereError(
                f"{described}: there is no such file; it holds the pose and the intrinsics of {pixels}"
            )
        if pixels.stem in wrong and not keep_wrong:
            continue
        camera, pose = _described(described, trust)
        standard = Standard(
            pose, "silver", float("nan"), "The pose in the .pt file; how it was found, the file does not say."
        )
        xrays.append(SetXRay(pixels.stem, partial(_read_xray, pixels, camera), standard))
    if not xrays:
        raise SetNotHereError(f"{folder / 'xrays'}: there is no pair of a .dcm and a .pt in it")
    fiducials = folder / "fiducials.pt"
    return Patient(
        folder.name,
        partial(ct.load_ct, volume, mask if mask.exists() else None, hounsfield=hounsfield, progress=False),
        tuple(xrays),
        partial(_read_fiducials, fiducials, trust) if fiducials.exists() else None,
        (f"X-rays {', '.join(wrong)} are left out: their poses are known to be wrong.",)
        if wrong and not keep_wrong
        else (),
    )


def _wrong(folder: Path) -> tuple[str, ...]:
    """Names of X-rays of DeepFluoro with a wrong pose; xvr numbers the subjects as the papers do."""
    if "deepfluoro" not in folder.resolve().parent.name.lower():
        return ()
    number = folder.name.removeprefix("subject")
    return WRONG.get(SPECIMENS[int(number) - 1], ()) if number.isdigit() and 1 <= int(number) <= 6 else ()


def _load(path: Path, trust: bool) -> object:
    """What a file of PyTorch holds: numbers and tensors, also NumPy's; anything else only if it is trusted."""
    if not zipfile.is_zipfile(path):  # which a file of PyTorch 1.6 or later is
        raise SetError(f"{path}: this is no file of PyTorch, or it is damaged. Download or copy it anew")
    numpy_numbers = [np._core.multiarray.scalar, np.dtype, *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8"))]
    try:
        with torch.serialization.safe_globals(numpy_numbers):
            return torch.load(path, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        what = re.search(r"GLOBAL (\S+)", str(error))
        raise SetError(
            f"{path}: the file holds other things than numbers and tensors{f' ({what[1]})' if what else ''}, and "
            "opening it could run any program. If it comes from somebody you trust, say trust=True"
        ) from error
    except (RuntimeError, EOFError, OSError, KeyError) as error:
        raise SetError(
            f"{path}: this is no file of PyTorch, or it is damaged ({str(error).splitlines()[0]})"
        ) from error


def _described(path: Path, trust: bool) -> tuple[Camera, Tensor]:
    """The camera and ``world_from_camera`` (4, 4) float64 in a ``.pt`` file."""
    found = _load(path, trust)
    if not isinstance(found, Mapping) or not {"pose", "intrinsics"} <= set(found):
        held = sorted(found) if isinstance(found, Mapping) else type(found).__name__
        raise SetError(f"{path}: a dictionary with pose and intrinsics is expected, and the file holds {held}")
    intrinsics = found["intrinsics"]
    if missing := [name for name in _INTRINSICS if name not in intrinsics]:
        raise SetError(f"{path}: {', '.join(missing)} missing in intrinsics, which has {', '.join(intrinsics)}")
    numbers = {name: float(intrinsics[name]) for name in _INTRINSICS}
    shape = {name: int(numbers.pop(name)) for name in ("height", "width")}
    camera = Camera.from_diffdrr(**numbers, **shape, reverse_x_axis=False)
    matrix = torch.as_tensor(found["pose"])
    if tuple(matrix.shape) not in ((4, 4), (1, 4, 4)):
        raise SetError(f"{path}: the pose is {tuple(matrix.shape)}, and one matrix (4, 4) is expected")
    return camera, from_diffdrr(RigidTransform(matrix.reshape(1, 4, 4).float()), "AP")[0]


def _read_xray(path: Path, camera: Camera) -> XRay:
    try:
        header = pydicom.dcmread(path, force=True)
        pixels = torch.from_numpy(np.asarray(header.pixel_array, np.float32))
    except (InvalidDicomError, AttributeError, ValueError, OSError) as error:
        raise SetError(f"{path}: its pixels cannot be read ({error})") from error
    notes = [_FRAME, _EDGES, "The pixels are taken as proportional to the beam."]
    notes.append(
        "The set has no nominal pose. The one given here is a frontal view with the CT half-way to the detector."
    )
    if pixels.ndim == 3:
        pixels = pixels.amax(0)
        notes.append("The file has several frames; the largest value of each pixel is taken, as xvr does.")
    (rows, columns), (height, width) = pixels.shape, camera.shape
    top, left = (rows - height) / 2, (columns - width) / 2
    if min(top, left) < 0 or top % 1 or left % 1:
        raise SetError(
            f"{path}: the image has {rows} x {columns} pixels, and its .pt describes {height} x {width}, which is no "
            "crop of it by as much at each side"
        )
    if top or left:
        pixels = pixels[int(top) : int(top) + height, int(left) : int(left) + width]
        notes.append(
            f"The .pt describes {height} x {width} pixels; {top:g} rows and {left:g} columns were cropped at each side."
        )
    return XRay(pixels, camera, carm_pose(0.0, 0.0, camera.sid / 2), notes=notes)


def _read_fiducials(path: Path, trust: bool) -> pd.DataFrame:
    points = torch.as_tensor(_load(path, trust)).double().reshape(-1, 3)
    names = [f"fiducial {n}" for n in range(len(points))]
    return pd.DataFrame(points.numpy(), columns=["x", "y", "z"]).assign(name=names)[["name", "x", "y", "z"]]
