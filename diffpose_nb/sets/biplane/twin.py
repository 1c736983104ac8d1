"""A twin of the wrist: the shoulder of the example CT, simulated, in files as those that are published."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torchio
from torch import Tensor

from ... import ct
from ...camera import Camera, carm_pose, invert, make_transform, rigid_motion, transform_points
from ...runtime import progress_bar, write_text_whole
from ...simulate import beads, lead_letter, simulate_xray
from ..patient import Publication
from .autoscoper import BONES, CAMERAS, FRAMES, TWIN
from .mayacam import SID, Calibration, stored, write_calibration, write_stack

STANDS_FOR = {"radius": "humerus_right", "ulna": "scapula_right"}
"""Which structures of the example CT are in the files of the bones."""
PIXELS, FIELD = 880, 400.0
"""Pixels along each side of a frame, half as many as published, and the side of the detector, mm."""
_VIEWS = {"cam01": (35.0, -10.0, 1040.0), "cam02": (-40.0, 5.0, 1080.0)}
"""Primary and secondary angle, degrees, and distance from the source to the shoulder, mm."""
_FLUOROSCOPE = rigid_motion([20.0, -35.0, 10.0], [110.0, 160.0, 90.0])
"""(4, 4) ``fluoroscope_from_shoulder``: any rigid transform will do."""
_MOTION = rigid_motion([1.0, -0.8, 1.5], [1.2, -0.6, 0.9])
"""(4, 4) how the shoulder moves between the two frames, as one body, about its middle."""
_REACH = (95.0, 95.0, 130.0)
"""mm to each side of the humerus that the shoulder is cut out of the CT, to the right, to the front and to the head."""
_OPEN = 1.2
"""The open beam, where 1 is the value at which a pixel of 8 bits saturates."""

PUBLICATION = Publication(
    "Twin of the wrist, simulated",
    "CC BY 3.0, as the chest CT LIDC-IDRI-0001 from which it was computed.",
    "Armato et al., Data from LIDC-IDRI, The Cancer Imaging Archive (2015), doi:10.7937/K9/TCIA.2015.LO9QL9SX",
    "https://www.cancerimagingarchive.net/collection/lidc-idri",
)
_NOTES = (
    "This is a twin, not the real wrist. What is called radius is a humerus, and what is called ulna is a scapula, of "
    "the example CT, and the X-rays are simulated. Its errors say nothing about real X-rays.",
    "Between the two frames both bones move as one body.",
)


def wrist_twin(
    folder: str | Path, *, subject: torchio.Subject | None = None, pixels: int = PIXELS, progress: bool = True
) -> Path:
    """Write files with the names and formats of the published wrist, for :func:`diffpose_nb.sets.wrist`.

    The X-rays are simulated with all physics, with beads on the skin and a letter, and saturate beside the patient. The
    poses with which they were simulated are in ``twin.json``.

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
    middle = ct.structure_points(subject, STANDS_FOR["radius"]).mean(0)
    names = ("right", "anterior", "superior")
    limits = {name: (at - mm, at + mm) for name, at, mm in zip(names, middle.tolist(), _REACH, strict=True)}
    shoulder = ct.cut(subject, **limits)
    shoulder_from_ct = make_transform(torch.eye(3), -middle)
    patient_from_ct = {
        frame: _FLUOROSCOPE @ motion @ shoulder_from_ct
        for frame, motion in zip(FRAMES, (torch.eye(4).double(), _MOTION), strict=True)
    }
    camera = Camera(SID, (FIELD / pixels,) * 2, (pixels, pixels), mirrored=False)
    poses = {name: _FLUOROSCOPE @ carm_pose(*view) for name, view in _VIEWS.items()}
    for name, pose in poses.items():
        write_calibration(folder / f"xr_calib_wrist_{name}.txt", Calibration(camera, pose))
    found = {}
    for bone, file in BONES.items():
        values, ct_from_bone = _stack(subject, STANDS_FOR[bone])
        write_stack(folder / file, values)
        found[bone] = {frame: (pose @ ct_from_bone).tolist() for frame, pose in patient_from_ct.items()}
    markers = beads(shoulder, seed=2, count=9, about=middle.tolist())
    todo = [(frame, name) for frame in FRAMES for name in CAMERAS]
    for seed, (frame, name) in enumerate(progress_bar(todo, desc="X-rays", show=progress)):
        ct_from_camera = invert(patient_from_ct[frame]) @ poses[name]
        xray = simulate_xray(
            shoulder,
            camera,
            *_VIEWS[name],
            motion=ct_from_camera @ invert(carm_pose(*_VIEWS[name])),
            seed=seed,
            supersampling=1,
            collimation="circle",
            gain=1.0,
            electronic_noise=0.0,
            foreign=markers,
            mounted=lead_letter(camera, "F"),
        )
        grey = np.clip(np.rint(255 * _OPEN * xray.pixels.numpy()), 0, 255)
        write_stack(folder / f"xr_rad_uln_{name}_UND.{frame}.tif", grey)
    content = {
        "publication": asdict(PUBLICATION),
        "notes": list(_NOTES),
        "spacing": list(subject["volume"].spacing),
        "fluoroscope_from_bone": found,
    }
    write_text_whole(folder / TWIN, json.dumps(content, indent=1) + "\n")
    return folder


def _stack(subject: torchio.Subject, structure: str) -> tuple[np.ndarray, Tensor]:
    """A structure's voxels in a box around it, 0 elsewhere, and ``ct_from_bone`` (4, 4) for the centre of the box."""
    bone = ct.part(subject, structure, margin=2.0)
    inside, volume = bone["mask"].data[0].numpy() > 0, bone["volume"]
    affine = torch.from_numpy(volume.affine)
    centre = (torch.tensor(volume.spatial_shape) - 1.0)[None] / 2
    rotation = affine[:3, :3] / affine[:3, :3].norm(dim=0)
    return (
        np.where(inside, stored(volume.data[0].numpy()).clip(min=1), 0),
        make_transform(rotation, transform_points(affine, centre)[0]),
    )
