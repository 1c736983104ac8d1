"""Every reading of a matrix whose convention is unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torchio
from diffdrr.pose import RigidTransform
from torch import Tensor

from .. import frames
from ..camera import Camera, as_float64, ras_from_lps

_WORLDS = ("RAS, CT's centre", "LPS, CT's centre", "RAS, scanner's origin", "LPS, scanner's origin")
_to_minus_z = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))
"""From a camera that looks along -z with y up to this package's camera. It is a rotation by 180° about x, and its own
inverse."""
_negative_k = torch.diag(torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64))
"""The signs of xReg's intrinsics: both focal lengths are negative."""


@dataclass(frozen=True)
class Candidate:
    """One reading of a matrix.

    Attributes
    ----------
    name
        The name of the convention. If several conventions read this matrix alike, all names are given, with ``=``
        between them.
    camera, world_from_camera
        The view. The camera says from which side the image is seen; the pose (4, 4) is proper, without a reflection.
    """

    name: str
    camera: Camera
    world_from_camera: Tensor


def candidates(matrix: Tensor | np.ndarray, subject: torchio.Subject, camera: Camera) -> list[Candidate]:
    """All readings of a pose in an unknown convention. Readings that agree become one candidate.

    The following conventions are tried: those of this project, OpenCV, nanodrr, DiffDRR (orientation None, AP, PA), VTK
    and OpenGL, xReg and DeepFluoro, and DiffPose. The matrix is read as it is and inverted. The world's axes are RAS or
    LPS, and its origin is the CT's centre or the scanner's origin. The image is seen from the detector's side or from
    the source's side (in DiffDRR, ``reverse_x_axis`` is False or True, but for PA it is the other way round). Points
    are taken as columns; a matrix with its translation in the last *row*, as in PyTorch3D, is transposed first.

    Parameters
    ----------
    matrix
        (4, 4) or (3, 4), mm; the determinant of its rotation is 1 or -1.
    subject
        The CT, from :mod:`diffpose_nb.ct`.
    camera
        The X-ray's camera. Its ``mirrored`` is ignored, because both values are tried.

    Raises
    ------
    ValueError
        The matrix is not a rotation, or a reflection, with a translation.
    """
    pose, suffix = _read(matrix)
    world_from_lps = torch.linalg.inv(as_float64(subject["lps_from_world"]))
    worlds = (torch.eye(4, dtype=torch.float64), ras_from_lps, world_from_lps @ ras_from_lps, world_from_lps)
    named: list[tuple[str, Camera, Tensor]] = []
    for inverted, matrix in ((False, pose), (True, torch.linalg.inv(pose))):
        for world, world_from_theirs in zip(_WORLDS, worlds, strict=True):
            for convention, convert in _CONVENTIONS[inverted].items():
                for mirrored in (True, False):
                    view = convert(replace(camera, mirrored=mirrored), world_from_theirs @ matrix)
                    named.append((f"{convention}; {world}; {_side(convention, mirrored)}{suffix}", *view))
        for layout, volume in _diffpose_volumes(subject).items():
            for reverse in (True, False):
                found, found_pose = frames.from_diffpose(
                    matrix, volume, sdr=camera.sid / 2, height=1, delx=1.0, reverse_x_axis=reverse
                )
                convention = "DiffPose" + (", inverted" if inverted else "")
                view = replace(camera, mirrored=found.mirrored), found_pose
                named.append((f"{convention}; {layout}; reverse_x_axis={reverse}{suffix}", *view))
    return _group([(name, *_proper(view, pose)) for name, view, pose in named])


def _read(matrix: Tensor | np.ndarray) -> tuple[Tensor, str]:
    """The matrix (4, 4) for points as columns, and a suffix for the names of its readings."""
    pose = as_float64(matrix).detach().squeeze()
    last = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    if pose.shape == (3, 4):
        pose = torch.cat([pose, last[None]])
    suffix = ""
    if pose.shape == (4, 4) and not torch.allclose(pose[3], last) and torch.allclose(pose[:, 3], last):
        pose, suffix = pose.mT, "; transposed, for row vectors (PyTorch3D)"
    if pose.shape != (4, 4) or not torch.allclose(pose[3], last):
        raise ValueError(f"the matrix is {tuple(pose.shape)}: a pose is (4, 4) or (3, 4), with a row 0 0 0 1")
    rotation = pose[:3, :3]
    if not torch.allclose(rotation @ rotation.mT, torch.eye(3, dtype=torch.float64), atol=1e-3):
        raise ValueError(f"the matrix has {rotation.tolist()} where a rotation, or a reflection, should be")
    return pose, suffix


def _diffdrr(orientation: str | None) -> Callable[[Camera, Tensor], tuple[Camera, Tensor]]:
    return lambda camera, pose: (camera, frames.from_diffdrr(RigidTransform(pose), orientation)[0])


def _xreg(camera: Camera, pose: Tensor) -> tuple[Camera, Tensor]:
    eye = torch.eye(4, dtype=torch.float64)
    k = _negative_k @ replace(camera, mirrored=False).K  # negative focal lengths, the same principal point
    k[:2, 2] = camera.K[:2, 2]
    return camera, frames.from_deepfluoro(pose, k, eye, camera.pixel_spacing, camera.shape, eye)[1]


_FORWARD: dict[str, Callable[[Camera, Tensor], tuple[Camera, Tensor]]] = {
    "world from camera (diffpose_nb, nanodrr)": lambda camera, pose: (camera, frames.from_nanodrr(pose)),
    "DiffDRR, None": _diffdrr(None),
    "DiffDRR, AP": _diffdrr("AP"),
    "DiffDRR, PA": _diffdrr("PA"),
    "world from camera, along -z (VTK, OpenGL)": lambda camera, pose: (camera, pose @ _to_minus_z),
    "cam-to-pelvis-vol (xReg, DeepFluoro)": _xreg,
}
_INVERTED_NAMES = {
    "world from camera (diffpose_nb, nanodrr)": "camera from world (OpenCV's extrinsic)",
    "world from camera, along -z (VTK, OpenGL)": "camera from world, along -z (OpenGL's view matrix)",
}
_CONVENTIONS = {
    False: _FORWARD,
    True: {_INVERTED_NAMES.get(name, f"{name}, inverted"): convert for name, convert in _FORWARD.items()},
}


def _side(convention: str, mirrored: bool) -> str:
    if convention.startswith("DiffDRR"):
        return f"reverse_x_axis={not mirrored}"
    return "from the detector" if mirrored else "from the source"


def _diffpose_volumes(subject: torchio.Subject) -> dict[str, Tensor]:
    """``world_from_volume`` for the CT's array as it is, and for the array that DeepFluoro's loader would return."""
    affine = as_float64(subject["volume"].affine)
    shape = subject["volume"].spatial_shape
    return {
        "the CT's own array": frames.diffpose_volume(shape, affine),
        "array as DeepFluoro's": deepfluoro_volume(subject),
    }


def deepfluoro_volume(subject: torchio.Subject) -> Tensor:
    """DiffPose's ``world_from_volume`` (4, 4) for this CT, as if it had been loaded like a CT of DeepFluoro.

    The volume's axes are LPS, in millimetres. Its origin is the outer corner of the volume on the patient's right, in
    front, at the feet.
    """
    affine = as_float64(subject["volume"].affine)
    half = (affine[:3, :3].abs() @ as_float64(subject["volume"].spatial_shape)) / 2
    centre = frames.transform_points(affine, (as_float64(subject["volume"].spatial_shape)[None] - 1) / 2)[0]
    return frames.make_transform(ras_from_lps[:3, :3], centre + half * as_float64([1.0, 1.0, -1.0]))


def _proper(camera: Camera, pose: Tensor) -> tuple[Camera, Tensor]:
    pose = pose.reshape(4, 4)
    return (camera, pose) if torch.linalg.det(pose[:3, :3]) > 0 else frames.exchange_mirror(camera, pose)


def _group(named: list[tuple[str, Camera, Tensor]]) -> list[Candidate]:
    """Join the readings that have the same pose and see the image from the same side."""
    groups: dict[tuple, Candidate] = {}
    for name, camera, pose in named:
        key = (camera.mirrored, *(pose[:3] * 1e3).round().long().flatten().tolist())
        if key in groups:
            name = f"{groups[key].name} = {name}"
        groups[key] = Candidate(name, camera, pose)
    return list(groups.values())
