"""Ljubljana's cerebral angiograms: ten patients, a 3D angiogram with contrast agent and two subtracted X-rays each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import torch
import torchio
from torch import Tensor

from .. import ct
from ..camera import Camera, carm_pose, make_transform, ras_from_lps, transform_points
from ..frames import from_ljubljana
from ..images import XRay
from .errors import SetError
from .getting import data_folder
from .hdf5 import TWIN, array, child, number, opened
from .patient import Patient, Publication, PublicSet, SetXRay, Standard

FILE = "ljubljana.h5"
VIEWS = ("ap", "lat")
"""The main X-rays of each patient: frontal and lateral."""
EVERY_VIEW = (*VIEWS, "ap-max", "lat-max")
"""All that the file has. The others are maxima over the time in which the contrast agent flows through."""
THRESHOLD = 1000.0
"""Grey values of the 3D angiogram below this are set to 0, as DiffPose does before it renders: what is left are the
vessels with contrast agent."""
SOD = 750.0
"""mm from the source to the middle of the volume in the nominal pose, which the set does not have."""
PUBLICATION = Publication(
    "Ljubljana, 3D-2D-GS-CA",
    "CC BY-NC-ND 4.0 for the repacked file, as far as could be found out: ask before you publish pictures made of it.",
    "Mitrović et al., 3D-2D registration of cerebral angiograms: a method and evaluation on clinical images, IEEE TMI "
    "32:1550 (2013)",
    "https://lit.fe.uni-lj.si/en/research/resources/3D-2D-GS-CA/",
)
_PRIMARY = {"ap": 0.0, "lat": 90.0}
_GOLD = (
    "The set's own gold standard (GS in its name). The repacked file does not say how it was found, nor how large its "
    "error is."
)
_VOLUME = (
    "The 3D angiogram's grey values have no unit. Those below {threshold:g} are set to 0, and 1000 is taken for the "
    "attenuation of water; only the contrast between vessels matters."
)
_AXES = (
    "The file does not name the patient's axes. The volume's x, y and z are taken as left, posterior and head, with "
    "the first axis of the array reversed, as DiffPose's frontal views imply."
)
_NOMINAL = (
    "The set has no nominal pose. The one given here is a frontal or a lateral view with the middle of the volume "
    f"{SOD:g} mm from the source."
)
_SUBTRACTED = (
    "The image is subtracted: only vessels are left, darker than a flat background. The logarithm of its most frequent "
    "value over each pixel is taken as the line integral, 0 where that is negative."
)


def ljubljana(
    path: str | Path | None = None,
    *,
    views: Sequence[str] = VIEWS,
    threshold: float = THRESHOLD,
    stored: bool = False,
) -> PublicSet:
    """Open the Ljubljana set as DiffPose repacked it, or a twin of it.

    Parameters
    ----------
    path
        The file. None: :data:`FILE` in the folder ``ljubljana`` of :func:`diffpose_nb.sets.data_folder`.
    views
        Which X-rays, out of :data:`EVERY_VIEW`.
    threshold
        See :data:`THRESHOLD`.
    stored
        Give the pixels as they are stored, instead of line integrals of the vessels. The papers' own preprocessing
        begins with them.

    Returns
    -------
    PublicSet
        One patient for each subject, ``"subject01"`` to ``"subject10"``, with the X-rays ``"ap"`` and ``"lat"``. Each
        X-ray has a camera of its own. The landmarks are the points of the vessels' centre lines.

    Raises
    ------
    SetNotHereError
        The file is not there.
    SetError
        The file was cut short, lacks a group, or is another one; or a view is unknown.
    """
    path = data_folder("ljubljana") / FILE if path is None else Path(path)
    if unknown := [view for view in views if view not in EVERY_VIEW]:
        raise SetError(f"views has {unknown}: the set has {', '.join(EVERY_VIEW)}")
    with opened(path, _instead()) as file:
        if "proj-params" in file:
            raise SetError(f"{file.filename}: this is the file of DeepFluoro; open it with sets.deepfluoro")
        names = sorted(name for name in file if name.startswith("subject"))
        if not names:
            raise SetError(f"{file.filename}: there is no subject01 in it; there is {', '.join(file) or 'nothing'}")
        twin = file.attrs.get(TWIN)
        patients = tuple(_patient(path, file[name], views, threshold, stored, twin) for name in names)
    if twin is None:
        PUBLICATION.announce()
    return PublicSet(patients, PUBLICATION, (_AXES,) if twin is None else (_AXES, str(twin)))


def _instead() -> str:
    return (
        f"Put {FILE} into {data_folder('ljubljana')}, or give its path. It is the set of {PUBLICATION.address}, "
        "repacked by the authors of DiffPose (1.0 GB); their package diffdrrdata says where. Licence: "
        f"{PUBLICATION.licence}"
    )


def _patient(
    path: Path, group: h5py.Group, views: Sequence[str], threshold: float, stored: bool, twin: str | None
) -> Patient:
    name = group.name.strip("/")
    lps_from_voxel, shape, note = _grid(child(group, "volume"))
    centre = transform_points(lps_from_voxel, (torch.tensor(shape[None], dtype=torch.float64) - 1) / 2)[0]
    world_from_volume = ras_from_lps @ make_transform(torch.eye(3), -centre)
    xrays = []
    for view in views:
        place = child(group, f"proj-{view}")
        spacing = number(place, "row-spacing"), number(place, "col-spacing")
        camera, true = from_ljubljana(
            torch.from_numpy(array(place, "extrinsic").astype(np.float64)),
            torch.from_numpy(array(place, "intrinsic", (3, 3)).astype(np.float64)),
            spacing,
            child(place, "pixels").shape,
            world_from_volume,
        )
        nominal = carm_pose(_PRIMARY[view.removesuffix("-max")], 0.0, SOD)
        read = partial(_read_xray, path, place.name, camera, nominal, stored)
        if twin is None:
            standard = Standard(true, "gold", float("nan"), _GOLD)
        else:
            standard = Standard(true, "gold", 0.0, "The X-ray was simulated with this pose.")
        xrays.append(SetXRay(view, read, standard))
    return Patient(
        name,
        partial(_read_subject, path, name, threshold),
        tuple(xrays),
        partial(_read_points, path, name, world_from_volume),
        (note,) if twin is None else (note, str(twin)),
    )


def _grid(group: h5py.Group) -> tuple[Tensor, np.ndarray, str]:
    """``volume_from_voxel`` (4, 4) float64, the number of voxels along each axis, and what was assumed."""
    shape = child(group, "pixels").shape
    if len(shape) != 3:
        raise SetError(f"{group.file.filename}: {group.name}/pixels is {shape}, and a volume has three dimensions")
    spacing, origin = (array(group, name, (3,)).astype(np.float64) for name in ("spacing", "origin"))
    matrix = np.diag([-spacing[0], spacing[1], spacing[2], 1.0])
    if np.any(origin):
        first = origin
        note = "The volume's origin is taken as the centre of its first voxel, as the package diffdrrdata takes it."
    else:
        first = spacing / 2
        note = (
            "The volume's origin is 0 and is taken as the outer corner of its first voxel, as DiffPose renders it; if "
            "it is that voxel's centre, everything lies half a voxel further on."
        )
    matrix[:3, 3] = first + np.array([spacing[0] * (shape[0] - 1), 0, 0])
    return torch.from_numpy(matrix), np.array(shape), note


def _read_subject(path: Path, name: str, threshold: float) -> torchio.Subject:
    with opened(path, _instead()) as file:
        group = child(file, f"{name}/volume")
        lps_from_voxel, _, note = _grid(group)
        grey = array(group, "pixels").astype(np.float32)
    grey[grey < threshold] = 0
    notes = [_VOLUME.format(threshold=threshold), _AXES, note]
    return ct.make_subject(grey - 1000, lps_from_voxel.numpy(), notes=notes)


def _read_points(path: Path, name: str, world_from_volume: Tensor) -> pd.DataFrame:
    with opened(path, _instead()) as file:
        points = array(child(file, name), "points").astype(np.float64).reshape(-1, 3)
    world = transform_points(world_from_volume, torch.from_numpy(points))
    names = [f"point {n}" for n in range(len(points))]
    return pd.DataFrame(world.numpy(), columns=["x", "y", "z"]).assign(name=names)[["name", "x", "y", "z"]]


def _read_xray(path: Path, place: str, camera: Camera, nominal: Tensor, stored: bool) -> XRay:
    with opened(path, _instead()) as file:
        pixels = array(child(file, place), "pixels", camera.shape).astype(np.float64)
    if stored:
        return XRay(torch.from_numpy(pixels), camera, nominal, notes=[_NOMINAL, "The pixels are as they are stored."])
    return XRay(vessel_integrals(pixels), camera, nominal, "LOG", -1, notes=[_NOMINAL, _SUBTRACTED])


def vessel_integrals(pixels: np.ndarray, bins: int = 512) -> Tensor:
    """Line integrals (rows, columns) float32 of vessels, from a subtracted image in which they are dark.

    The background is the most frequent value. Its histogram has ``bins`` bins between the 1 % and the 99.9 % quantile.
    """
    low, high = np.quantile(pixels, (0.01, 0.999))
    counts, edges = np.histogram(pixels, bins, (low, max(high, low + 1e-9)))
    fullest = counts.argmax()
    background = (edges[fullest] + edges[fullest + 1]) / 2
    smallest = 1e-3 * background
    return torch.from_numpy(np.log(background / np.clip(pixels, smallest, background)).astype(np.float32))
