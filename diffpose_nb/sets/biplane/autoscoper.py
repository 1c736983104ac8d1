"""The wrist of Autoscoper's sample data: two fluoroscopes, two bones cut out of a CT, a calibration of each camera."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import pooch
from torch import Tensor

from ...camera import as_float64, invert, make_transform
from ..errors import SetError
from ..getting import Remote, data_folder, fetch
from ..patient import Patient, Publication, PublicSet, SetXRay, Standard
from .mayacam import Calibration, orthonormal, read_bone, read_calibration, read_frame

FRAMES = ("0099", "0158")
CAMERAS = ("cam01", "cam02")
BONES = {"radius": "rad_dcm_cropped.tif", "ulna": "uln_dcm_cropped.tif"}
SPACING = (0.39625, 0.39625, 0.625)
"""mm along x, y and z of the bones' voxels, which the TIFF files do not tell."""
TWIN = "twin.json"
"""In the folder of a twin: the poses with which it was simulated, and what it was made of."""

PUBLICATION = Publication(
    "Wrist, sample data of Autoscoper",
    "BSD, copyright 2011 Brown University: to be passed on with its notice only; no endorsement.",
    "Akhbari et al., Accuracy of biplane videoradiography for quantifying dynamic wrist kinematics, J. Biomech. "
    "92:120 (2019), doi:10.1016/j.jbiomech.2019.05.040",
    "https://github.com/BrownBiomechanics/Autoscoper, folder sample_data",
)
_COMMIT = "203b7213deece3bb1346b3cb5fbc30b37fc28068"
_BASE = f"https://raw.githubusercontent.com/BrownBiomechanics/Autoscoper/{_COMMIT}/sample_data"
_FILES = (
    ("Calibration", "xr_calib_wrist_cam01.txt", "e616c3390d44342f205a6e26ebb403d39a3cdc5c8606408017c7b7211a70b3d3"),
    ("Calibration", "xr_calib_wrist_cam02.txt", "5dfddff716e7ed4f8aa6e91852b41f577bd605af370ad407342ea1c053841f24"),
    ("Models", "rad_dcm_cropped.tif", "69b106202c735528a37a995c0da3b0b047c4a9a08f05ed02f5ca452d4a0ce2ec"),
    ("Models", "uln_dcm_cropped.tif", "88f268e7a1ba9a11e98f3f3220a4c27ad5d2d5d53a0058b7fea139971d13259b"),
    ("cam01", "xr_rad_uln_cam01_UND.0099.tif", "eada00f5605fa64c1d8a564a968037b72417ed6745ddf20760f262a24cc22be7"),
    ("cam01", "xr_rad_uln_cam01_UND.0158.tif", "cb2728bf0bfe250badf64aebc8b9593eeb047754a145d111876e135b11a9f257"),
    ("cam02", "xr_rad_uln_cam02_UND.0099.tif", "aec5d6558590cd7cc626987d7fee81240cde46261e1c086b50971be8848ac85f"),
    ("cam02", "xr_rad_uln_cam02_UND.0158.tif", "0d6b0f31608be3f196e8d65b9eec7af090b6b47c6ef9258c3ea9c6bbb4880161"),
)
_MEGABYTES = {"Calibration": 0.0003, "Models": 0.4, "cam01": 0.8, "cam02": 0.8}


def _remote(group: str, name: str, sha256: str) -> Remote:
    folder = f"XMA_UND/xr_data_wrist_{group}" if group in CAMERAS else group
    return Remote(name, f"{_BASE}/{folder}/{name}", sha256, _MEGABYTES[group])


REMOTES = tuple(_remote(*file) for file in _FILES)
"""The published files, 3.7 MB in all."""

SILVER = make_transform(
    orthonormal(
        as_float64([[-0.99488, 0.098036, 0.024556], [0.018836, -0.058851, 0.998089], [0.099293, 0.993441, 0.056703]])
    ),
    as_float64([108.797, 157.56, 89.905]),
)
"""(4, 4) ``fluoroscope_from_radius`` in frame 0099, mm."""
SILVER_UNCERTAINTY = (
    "Found from both views by another renderer and another optimiser (CMA-ES from 20 starts) than those of this "
    "package, since the set publishes no pose. Good to about 0.5 mm, and to about 1° round the bone's own axis."
)
SILVER_MILLIMETRES = 0.5

_NOTES = (
    "An X-ray's pose is that of its camera in the fluoroscope's frame. A registration finds world_from_camera in a "
    "bone's own frame, so fluoroscope_from_bone = xray.world_from_camera @ invert(world_from_camera).",
    "The calibration tells only the ratio of SID and pixel size. The SID is set to 1400 mm, beyond the bones.",
    "The bones are cut out of the CT: there is air around them, and their shafts end where the CT ended. The X-rays "
    "show more than the volumes do.",
)
_FRAME_NOTES = (
    "Pixels of 255 are saturated, pixels of 0 lie outside the round field. That those between are proportional to the "
    "beam is an assumption.",
)


def wrist(folder: str | Path | None = None, *, progress: bool = True) -> PublicSet:
    """A living wrist in two fluoroscopes at once, at two times, with its radius and its ulna cut out of a CT.

    Parameters
    ----------
    folder
        Where the files lie, without folders of their own: those that were published, or a twin. None: in the folder
        ``wrist`` of the user's cache, or of the folder that ``DIFFPOSE_NB_DATA`` names. What is not there yet is then
        downloaded into it, 3.7 MB.
    progress
        Show progress bars.

    Returns
    -------
    PublicSet
        Its patients are ``"radius"`` and ``"ulna"``, two bones of one person in the same four X-rays ``"0099 cam01"``,
        ``"0099 cam02"``, ``"0158 cam01"``, ``"0158 cam02"``: two frames, two cameras. The radius in frame 0099 has a
        silver standard.

    Raises
    ------
    SetNotHereError
        A file is not there and cannot be downloaded.
    SetError
        A file is damaged or, without ``folder``, not the published one.
    """
    if folder is None:
        PUBLICATION.announce()
        folder = data_folder("wrist")
        for remote in REMOTES:
            fetch(remote, folder, PUBLICATION, progress=progress)
    folder = Path(folder)
    missing = [remote.name for remote in REMOTES if not (folder / remote.name).exists()]
    if missing:
        raise SetError(f"{folder}: {', '.join(missing)} are not in this folder; without folder=… they are downloaded")
    origin = _origin(folder)
    origin.publication.announce()
    calibrations = {camera: read_calibration(folder / f"xr_calib_wrist_{camera}.txt") for camera in CAMERAS}

    def xray(bone: str, frame: str, camera: str) -> SetXRay:
        path = folder / f"xr_rad_uln_{camera}_UND.{frame}.tif"
        read = partial(read_frame, path, calibrations[camera], _FRAME_NOTES)
        return SetXRay(f"{frame} {camera}", read, origin.standard(bone, frame, calibrations[camera]))

    patients = tuple(
        Patient(
            bone,
            partial(read_bone, folder / file, bone, origin.spacing),
            tuple(xray(bone, frame, camera) for frame in FRAMES for camera in CAMERAS),
        )
        for bone, file in BONES.items()
    )
    return PublicSet(patients, origin.publication, (*_NOTES, *origin.notes))


@dataclass(frozen=True)
class _Origin:
    """Whose files lie in a folder, and what is known of their poses: ``fluoroscope_from_bone`` by bone and frame."""

    publication: Publication = PUBLICATION
    spacing: tuple[float, ...] = SPACING
    poses: Mapping[tuple[str, str], Tensor] = field(default_factory=dict)
    kind: Literal["gold", "silver"] = "silver"
    millimetres: float = SILVER_MILLIMETRES
    uncertainty: str = SILVER_UNCERTAINTY
    notes: tuple[str, ...] = ()

    def standard(self, bone: str, frame: str, calibration: Calibration) -> Standard | None:
        """The camera's pose in the bone's frame, if it is known."""
        if (bone, frame) not in self.poses:
            return None
        pose = invert(self.poses[bone, frame]) @ calibration.fluoroscope_from_camera
        return Standard(pose, self.kind, self.millimetres, self.uncertainty)


def _origin(folder: Path) -> _Origin:
    if (folder / TWIN).exists():
        content = json.loads((folder / TWIN).read_text(encoding="utf-8"))
        poses = {
            (bone, frame): as_float64(pose)
            for bone, frames in content["fluoroscope_from_bone"].items()
            for frame, pose in frames.items()
        }
        publication, spacing = Publication(**content["publication"]), tuple(content["spacing"])
        words = "The pose with which the X-ray was simulated."
        return _Origin(publication, spacing, poses, "gold", 0.0, words, tuple(content["notes"]))
    other = [remote.name for remote in REMOTES if pooch.file_hash(str(folder / remote.name)) != remote.sha256]
    if other:
        return _Origin(notes=(f"These are not the published files, so there is no standard: {', '.join(other)}.",))
    return _Origin(poses={("radius", "0099"): SILVER})
