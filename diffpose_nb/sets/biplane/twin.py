"""A twin of the wrist: a limb with two bones, made from a clavicle of the example CT, in files like those published."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torchio
from scipy import ndimage
from torch import Tensor

from ... import ct
from ...camera import Camera, as_float64, carm_pose, invert, make_transform, rigid_motion, transform_points
from ...runtime import progress_bar, write_text_whole
from ...simulate import Ball, lead_letter, simulate_xray
from ..patient import Publication
from .autoscoper import BONES, CAMERAS, FRAMES, TWIN
from .mayacam import SID, Calibration, stored, write_calibration, write_stack

BONE = "clavicula_left"
"""The bone of the example CT. The twin's radius is this bone, and its ulna is the same bone mirrored, beside it."""
PIXELS, FIELD = 880, 400.0
"""Pixels along each side of a frame, half as many as published, and the side of the detector, mm."""
SLIP = 2
"""Voxels (0.7 mm) by which the ulna moves along the radius between the two frames."""
_BESIDE = 28.0
"""mm between the bones."""
_FLESH, _MUSCLE = (95.0, 34.0), 40.0
"""Half the length and half the width of the limb, a smooth body of soft tissue, mm; and its HU."""
_SKIN = 0.2
"""The share of the limb's width, squared, over which its density falls."""
_VIEWS = {"cam01": (-37.0, 9.0, 1040.0), "cam02": (72.0, -6.0, 1080.0)}
"""Degrees about the limb's axis and degrees of tilt, and mm from the source to the limb."""
_PLACE = (110.0, 160.0, 90.0)
"""Where the limb's middle is in the fluoroscope's frame, mm. The limb lies along the frame's y axis."""
_MOTION = rigid_motion([1.0, -0.8, 1.5], [1.2, -0.6, 0.9], _PLACE)
"""(4, 4) how the limb moves between the two frames."""
_SCATTER = 0.02
"""Scattered over primary signal of the whole field, most of which is open beam: some 0.2 behind the limb."""
_OPEN = 1.1
"""The open beam, where 1 is the value at which a pixel of 8 bits saturates."""

PUBLICATION = Publication(
    "Twin of the wrist, simulated",
    "CC BY 3.0, as the chest CT LIDC-IDRI-0001 from which it was computed.",
    "Armato et al., Data from LIDC-IDRI, The Cancer Imaging Archive (2015), doi:10.7937/K9/TCIA.2015.LO9QL9SX",
    "https://www.cancerimagingarchive.net/collection/lidc-idri",
)
_NOTES = (
    "This is a twin, not the real wrist, and its X-rays are simulated. What is called radius is a clavicle of the "
    "example CT, and what is called ulna is the same bone mirrored. Its errors say nothing about real X-rays.",
)


def wrist_twin(
    folder: str | Path, *, subject: torchio.Subject | None = None, pixels: int = PIXELS, progress: bool = True
) -> Path:
    """Write files with the names and formats of the published wrist, for :func:`diffpose_nb.sets.wrist`.

    The X-rays are simulated with all physics. They show beads on the skin and a letter, and they saturate beside the
    limb. The poses with which they were simulated are in ``twin.json``, which the published set does not have.

    Parameters
    ----------
    folder
        The folder to write to; it is made if it does not exist.
    subject
        The example CT, if it is loaded already.
    pixels
        Pixels along each side of a frame.
    progress
        Show a progress bar.

    Returns
    -------
    Path
        The folder.
    """
    folder, subject = Path(folder), ct.example() if subject is None else subject
    folder.mkdir(parents=True, exist_ok=True)
    bone, spacing = _bone(subject), np.array(subject["volume"].spacing)
    camera = Camera(SID, (FIELD / pixels,) * 2, (pixels, pixels), mirrored=False)
    poses = {name: _camera_pose(*view) for name, view in _VIEWS.items()}
    for name, pose in poses.items():
        write_calibration(folder / f"xr_calib_wrist_{name}.txt", Calibration(camera, pose))
    stacks = {"radius": bone, "ulna": bone[::-1, ::-1, ::-1]}
    for name, values in stacks.items():
        write_stack(folder / BONES[name], values)
    found: dict[str, dict[str, list]] = {name: {} for name in stacks}
    bar = progress_bar(total=len(FRAMES) * len(CAMERAS), desc="X-rays", show=progress)
    for frame, slip, motion in zip(FRAMES, (0, SLIP), (torch.eye(4).double(), _MOTION), strict=True):
        limb, limb_from_bone = _limb(stacks, spacing, slip)
        fluoroscope_from_limb = motion @ _laid(limb)
        for name, pose in limb_from_bone.items():
            found[name][frame] = (fluoroscope_from_limb @ pose).tolist()
        beads = tuple(Ball(place, 1.0) for place in _beads(limb))
        for camera_name in CAMERAS:
            grey = _shot(limb, camera, invert(fluoroscope_from_limb) @ poses[camera_name], beads, seed=bar.n)
            write_stack(folder / f"xr_rad_uln_{camera_name}_UND.{frame}.tif", grey)
            bar.update()
    bar.close()
    content = {"publication": asdict(PUBLICATION), "notes": list(_NOTES), "spacing": spacing.tolist()}
    write_text_whole(folder / TWIN, json.dumps(content | {"fluoroscope_from_bone": found}, indent=1) + "\n")
    return folder


def _bone(subject: torchio.Subject) -> np.ndarray:
    """The bone's voxels in a box, as the published files store them, 0 elsewhere; the axes are those of the grid."""
    alone = ct.part(subject, BONE, margin=2.0)
    values = stored(alone["volume"].data[0].numpy()).clip(min=1)
    values[alone["mask"].data[0].numpy() == 0] = 0
    return values


def _limb(stacks: dict[str, np.ndarray], spacing: np.ndarray, slip: int) -> tuple[torchio.Subject, dict[str, Tensor]]:
    """Both bones in soft tissue, and ``limb_from_bone`` (4, 4) of each; the limb's origin is the middle of its box."""
    box = np.array(stacks["radius"].shape)
    along, across = _axes(stacks["radius"], spacing)
    beside = np.rint(_BESIDE / 2 * across / spacing).astype(int)
    slipped = np.rint(slip * spacing[0] * along / spacing).astype(int)
    room = np.ceil(_FLESH[1] / spacing).astype(int) + np.abs(beside)
    shape = box + 2 * room
    values, poses = np.zeros(shape), {}
    for name, shift in {"radius": -beside, "ulna": beside + slipped}.items():
        first = room + shift
        window = tuple(slice(a, a + n) for a, n in zip(first, box, strict=True))
        values[window] = np.maximum(values[window], stacks[name])
        poses[name] = make_transform(torch.eye(3), as_float64((first + box / 2 - shape / 2) * spacing))
    places = (np.moveaxis(np.indices(shape), 0, -1) - (shape - 1) / 2) * spacing
    length = places @ along
    width = np.sqrt(np.maximum((places**2).sum(-1) - length**2, 0))
    depth = 1 - (length / _FLESH[0]) ** 4 - (width / _FLESH[1]) ** 2
    flesh = -1000 + (_MUSCLE + 1000) * np.clip(depth / _SKIN, 0, 1)  # a soft edge, since voxels would show as rings
    hounsfield = np.where(values > 0, values - 1000, flesh)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -(shape - 1) * spacing / 2
    image = torchio.ScalarImage(tensor=torch.from_numpy(hounsfield.astype(np.float32))[None], affine=affine)
    bones = torchio.LabelMap(tensor=torch.from_numpy((values > 0).astype(np.int32))[None], affine=affine)
    return torchio.Subject(volume=image, mask=bones), poses


def _axes(values: np.ndarray, spacing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors along a bone and across it."""
    points = np.argwhere(values > 0) * spacing
    _, _, axes = np.linalg.svd(points - points.mean(0), full_matrices=False)
    return axes[0], axes[1]


def _laid(limb: torchio.Subject) -> Tensor:
    """(4, 4) ``fluoroscope_from_limb`` with the bones along the fluoroscope's y axis."""
    along, across = _axes(limb["mask"].data[0].numpy(), np.array(limb["volume"].spacing))
    rows = as_float64(np.stack([across, along, np.cross(across, along)]))
    return make_transform(rows, as_float64(_PLACE))


def _camera_pose(degrees: float, tilt: float, distance: float) -> Tensor:
    """(4, 4) of a camera that looks at the limb across the y axis, with its rows running along it but for the tilt."""
    turn = rigid_motion([0.0, degrees, 0.0], [0.0, 0.0, 0.0]) @ rigid_motion([tilt, 0.0, 0.0], [0.0, 0.0, 0.0])
    back = make_transform(torch.eye(3), as_float64([0.0, 0.0, -distance]))
    return make_transform(torch.eye(3), as_float64(_PLACE)) @ turn @ back


def _beads(limb: torchio.Subject) -> np.ndarray:
    """(7, 3) places on the skin, in the limb's frame, mm."""
    body = limb["volume"].data[0].numpy() > -500
    skin = np.argwhere(body & ~ndimage.binary_erosion(body))
    affine = limb["volume"].affine
    chosen = np.random.default_rng(3).choice(len(skin), 7, replace=False)
    return skin[chosen] @ affine[:3, :3].T + affine[:3, 3]


def _shot(limb: torchio.Subject, camera: Camera, pose: Tensor, beads: tuple[Ball, ...], seed: int) -> np.ndarray:
    """A frame of 8 bits from a pose ``limb_from_camera``."""
    distance = transform_points(invert(pose), torch.zeros(1, 3))[0, 2].item()
    nominal = carm_pose(0, 0, distance)
    xray = simulate_xray(
        limb,
        camera,
        0,
        0,
        distance,
        motion=pose @ invert(nominal),
        seed=seed,
        kvp=65.0,
        scatter=_SCATTER,
        supersampling=1,
        collimation="circle",
        gain=1.0,
        electronic_noise=0.0,
        foreign=beads,
        mounted=lead_letter(camera, "F", at=(0.75, 0.3)),
    )
    return np.clip(np.rint(255 * _OPEN * xray.pixels.numpy()), 0, 255)
