"""DeepFluoro: six pelves of cadavers, 366 fluoroscopic X-rays, landmarks, and poses from an offline registration."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import h5py
import numpy as np
import pandas as pd
import torch
import torchio
from torch import Tensor

from .. import ct
from ..camera import Camera, carm_pose, make_transform, ras_from_lps, transform_points
from ..frames import from_deepfluoro
from ..images import XRay
from ..runtime import progress_bar, written_whole
from .errors import SetError
from .getting import Remote, data_folder, fetch
from .hdf5 import TWIN, array, child, number, opened
from .patient import Patient, Publication, PublicSet, SetXRay, Standard

FILE = "ipcai_2020_full_res_data.h5"
"""The name of the full-resolution file, which alone has CTs and poses."""
SPECIMENS = ("17-1882", "18-1109", "18-0725", "18-2799", "18-2800", "17-1905")
"""The names of specimens 1 to 6 in the file."""
WRONG: Mapping[str, tuple[str, ...]] = MappingProxyType({"17-1882": ("003", "050"), "18-2799": ("002", "004")})
"""X-rays whose pose is known to be wrong (DeepFluoroLabeling-IPCAI2020, issue 8; xvr leaves out the same four)."""
EDGE = 9.7
"""mm at the detector: 50 pixels of 0.194 mm. The papers crop so much at each side, where the collimator is."""
SOD = 760.0
"""mm from the source to the middle of the CT in the nominal pose, which the set does not have: the middle of the range
in which DiffPose trains (half of 1020 mm, and 250 mm more)."""
PUBLICATION = Publication(
    "DeepFluoro",
    "CC BY-NC 4.0: it may be used, changed and passed on with its source named, not commercially.",
    "Grupp et al., Automatic annotation of hip anatomy in fluoroscopy for robust and efficient 2D/3D registration, "
    "IJCARS 15:759 (2020), doi 10.1007/s11548-020-02162-7",
    "https://doi.org/10.7281/T1/IFSXNV",
)
REMOTE = Remote(
    "ipcai_2020_full_res_data.zip",
    "http://archive.data.jhu.edu/api/access/datafile/:persistentId/?persistentId=doi:10.7281/T1/IFSXNV/EAN9GH",
    None,
    2500.0,
)
"""The archive that holds :data:`FILE`. No checksum is published."""
_SILVER = (
    "Found offline by a registration in several stages (Grupp et al. 2020). The set states no error of it. The 2D "
    "landmarks are projections of the 3D ones by this pose, so they are no independent truth."
)
_NOMINAL = (
    "The set has no nominal pose. The one given here is a frontal view (0°/0°) with the middle of the CT "
    f"{SOD:g} mm from the source."
)
_LINEAR = "The pixels are taken as proportional to the beam, as the papers take them."


def deepfluoro(
    path: str | Path | None = None,
    *,
    download: bool = False,
    edge: float = EDGE,
    keep_wrong: bool = False,
    progress: bool = True,
) -> PublicSet:
    """Open DeepFluoro's full-resolution file, or a twin of it.

    Parameters
    ----------
    path
        The file. None: :data:`FILE` in the folder ``deepfluoro`` of :func:`diffpose_nb.sets.data_folder`.
    download
        Download and unpack the file into that folder if it is not there (2.5 GB, and twice as much while it is
        unpacked).
    edge
        mm that are cropped from each side of the X-rays, where the collimator is. 0 keeps everything.
    keep_wrong
        Keep the X-rays of :data:`WRONG`.
    progress
        Show progress bars.

    Returns
    -------
    PublicSet
        One patient for each specimen, with its name in the file, such as ``"17-1882"``. X-rays that are stored upside
        down are turned by 180°, pixels and pose together.

    Raises
    ------
    SetNotHereError
        The file is not there, or cannot be downloaded.
    SetError
        The file was cut short, lacks a group, or is another one, such as a downsampled one.
    """
    path = _found(download, progress) if path is None else Path(path)
    with opened(path, _instead()) as file:
        _require_layout(file)
        twin = file.attrs.get(TWIN)
        parameters = _Parameters.of(file)
        names = [name for name in SPECIMENS if name in file]
        patients = tuple(_patient(path, file[name], parameters, edge, keep_wrong, twin) for name in names)
    if twin is None:
        PUBLICATION.announce()
    notes = [] if twin is None else [str(twin)]
    if twin is None and (missing := [name for name in SPECIMENS if name not in names]):
        notes.append(f"The file has no specimen {', '.join(missing)}.")
    if twin is None and not keep_wrong and (left := {name: WRONG[name] for name in names if name in WRONG}):
        which = "; ".join(f"{name}: {', '.join(xrays)}" for name, xrays in left.items())
        notes.append(f"X-rays whose poses are known to be wrong are left out, if the file has them ({which}).")
    return PublicSet(patients, PUBLICATION, tuple(notes))


@dataclass(frozen=True, eq=False)
class _Parameters:
    """What all X-rays of the set have in common."""

    intrinsic: Tensor
    extrinsic: Tensor
    spacing: tuple[float, float]
    shape: tuple[int, int]

    @classmethod
    def of(cls, file: h5py.File) -> _Parameters:
        group = child(file, "proj-params")
        return cls(
            torch.from_numpy(array(group, "intrinsic", (3, 3)).astype(np.float64)),
            torch.from_numpy(array(group, "extrinsic", (4, 4)).astype(np.float64)),
            (number(group, "pixel-row-spacing"), number(group, "pixel-col-spacing")),
            (int(number(group, "num-rows")), int(number(group, "num-cols"))),
        )


def _patient(
    path: Path, group: h5py.Group, parameters: _Parameters, edge: float, keep_wrong: bool, twin: str | None
) -> Patient:
    name = group.name.strip("/")
    lps_from_voxel, shape = _grid(child(group, "vol"))
    centre = transform_points(lps_from_voxel, (torch.tensor(shape[None], dtype=torch.float64) - 1) / 2)[0]
    world_from_lps = ras_from_lps @ make_transform(torch.eye(3), -centre)
    xrays = []
    for number_ in sorted(child(group, "projections")):
        wrong = number_ in WRONG.get(name, ()) and twin is None
        if wrong and not keep_wrong:
            continue
        projection = child(group, f"projections/{number_}")
        turned = bool(number(projection, "rot-180-for-up"))
        pose = torch.from_numpy(array(projection, "gt-poses/cam-to-pelvis-vol", (4, 4)).astype(np.float64))
        camera, true = from_deepfluoro(
            pose,
            parameters.intrinsic,
            parameters.extrinsic,
            parameters.spacing,
            parameters.shape,
            world_from_lps,
            turned,
        )
        if twin is None:
            standard = Standard(true, "silver", float("nan"), _SILVER)
        else:
            standard = Standard(true, "gold", 0.0, "The X-ray was simulated with this pose.")
        read = partial(_read_xray, path, projection.name, camera, turned, edge)
        notes = ("Its pose is known to be wrong (DeepFluoroLabeling-IPCAI2020, issue 8).",) if wrong else ()
        xrays.append(SetXRay(number_, read, standard, notes))
    specimen = f"Specimen {SPECIMENS.index(name) + 1} of the papers."
    return Patient(
        name,
        partial(_read_subject, path, name),
        tuple(xrays),
        partial(_read_landmarks, path, name, world_from_lps),
        (specimen,) if twin is None else (specimen, str(twin)),
    )


def _grid(group: h5py.Group) -> tuple[Tensor, np.ndarray]:
    """``lps_from_voxel`` (4, 4) float64 and the number of voxels along x, y and z."""
    matrix = np.eye(4)
    matrix[:3, :3] = array(group, "dir-mat", (3, 3)) * array(group, "spacing", (3,))
    matrix[:3, 3] = array(group, "origin", (3,))
    pixels = child(group, "pixels")
    if len(pixels.shape) != 3:
        raise SetError(f"{group.file.filename}: {pixels.name} is {pixels.shape}, and a CT has three dimensions")
    return torch.from_numpy(matrix), np.array(pixels.shape[::-1])


def _read_subject(path: Path, name: str) -> torchio.Subject:
    with opened(path, _instead()) as file:
        group = child(file, name)
        lps_from_voxel, _ = _grid(child(group, "vol"))
        hounsfield = array(group, "vol/pixels").transpose(2, 1, 0)
        labels = array(group, "vol-seg/image/pixels").transpose(2, 1, 0)
        definitions = child(group, "vol-seg/labels-def")
        names = {int(label): _text(definitions[label][()]) for label in definitions}
    structures = pd.DataFrame({"id": list(names), "structure": list(names.values()), "group": "skeleton"})
    notes = ["The CT's numbers are taken as Hounsfield units."]
    return ct.make_subject(
        hounsfield, lps_from_voxel.numpy(), labels.astype(np.uint8), structures=structures, notes=notes
    )


def _read_landmarks(path: Path, name: str, world_from_lps: Tensor) -> pd.DataFrame:
    with opened(path, _instead()) as file:
        group = child(file, f"{name}/vol-landmarks")
        points = {landmark: array(group, landmark, (3,)) for landmark in group}
    world = transform_points(world_from_lps, torch.from_numpy(np.stack(list(points.values())).astype(np.float64)))
    return pd.DataFrame(world.numpy(), columns=["x", "y", "z"]).assign(name=list(points))[["name", "x", "y", "z"]]


def _read_xray(path: Path, place: str, camera: Camera, turned: bool, edge: float) -> XRay:
    with opened(path, _instead()) as file:
        pixels = torch.from_numpy(array(child(file, place), "image/pixels", camera.shape).astype(np.float32))
    notes = [_NOMINAL, _LINEAR]
    if turned:
        pixels = pixels.flip(0, 1)
        notes.append("The image is stored upside down; it was turned by 180°, and its camera with it.")
    xray = XRay(pixels, camera, carm_pose(0.0, 0.0, SOD), notes=notes)
    rows, columns = (round(edge / mm) for mm in camera.pixel_spacing)
    if rows or columns:
        height, width = camera.shape
        xray.notes.append(f"{edge:g} mm were cropped at each side, where the collimator is.")
        xray = xray.crop(rows, columns, height - 2 * rows, width - 2 * columns)
    return xray


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _instead() -> str:
    """What to do where the file is missing."""
    return (
        f"Put {FILE} into {data_folder('deepfluoro')}, or give its path. It is in {REMOTE.name} (2.5 GB), which is "
        f"downloaded from {PUBLICATION.address}; sets.deepfluoro(download=True) does both. Licence: "
        f"{PUBLICATION.licence}"
    )


def _require_layout(file: h5py.File) -> None:
    if "land-names" in file:
        raise SetError(
            f"{file.filename}: this is one of the downsampled files of DeepFluoro. They hold X-rays that are cropped, "
            "turned and logarithms already, and neither CTs nor poses, so nothing can be registered with them. Get the "
            f"full-resolution file, {FILE} in {REMOTE.name}"
        )
    if "subject01" in file:
        raise SetError(f"{file.filename}: this is the file of the Ljubljana set; open it with sets.ljubljana")
    child(file, "proj-params")
    if not any(name in file for name in SPECIMENS):
        raise SetError(
            f"{file.filename}: none of the specimens {', '.join(SPECIMENS)} is in it; there is {', '.join(file)}"
        )


def _found(download: bool, progress: bool) -> Path:
    """Where the file lies by default; downloaded and unpacked if that is asked for."""
    folder = data_folder("deepfluoro")
    path = folder / FILE
    if path.exists() or not download:
        return path
    archive = fetch(REMOTE, folder, PUBLICATION, progress=progress)
    try:
        with zipfile.ZipFile(archive) as packed:
            member = next((one for one in packed.infolist() if one.filename.endswith(FILE)), None)
            if member is None:
                raise SetError(f"{archive}: there is no {FILE} in it; there is {', '.join(packed.namelist())}")
            bar = progress_bar(total=member.file_size, unit="B", unit_scale=True, desc="unpacking", show=progress)
            with packed.open(member) as source, written_whole(path) as target, bar:
                while block := source.read(1 << 22):
                    target.write(block)
                    bar.update(len(block))
    except zipfile.BadZipFile as error:
        raise SetError(f"{archive}: the archive is damaged ({error}). Delete it and download it anew") from error
    archive.unlink()
    return path
