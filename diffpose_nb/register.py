"""2D/3D registration: from a first guess of the C-arm's pose to the pose that explains the X-ray.

Gauss-Newton (Levenberg-Marquardt) on local normalised cross-correlation, coarse to fine. One march through the CT
gives the image and its six derivative images; the CT and the X-ray are smoothed alike, to about the footprint of a
pixel, because derivatives of a raw CT are mostly its noise, and noise in J shortens every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
import torch
import torchio
from torch import Tensor
from tqdm.auto import tqdm

from . import regions
from ._levels import BONE, Level, Stage, smoothed
from ._outcome import COLUMNS, Refinement, Step, load_pose
from ._search import LEVER, Attempt, Search
from .calibration import adjusted
from .camera import Camera
from .collimator import open_field
from .dicom import XRay
from .frames import as_float64, invert, rigid_motion
from .jacobian import camera_axes

__all__ = ["LOST", "STAGES", "Refinement", "Step", "apart", "load_pose", "refine"]

STAGES = (
    Stage(64, 3.0, 6.0, 4.0, None, 1, "uniform", 1.5, 20, (1e-3, 0.2)),
    Stage(64, 3.0, 4.0, 4.0, 13, 3, "contrast", 1.5, 20, (1e-3, 0.2)),
    Stage(80, 1.5, 2.5, 2.5, 11, 3, "deviation", 1.0, 12, (3e-4, 0.1)),
    Stage(160, 0.7, 0.7, 1.0, 9, 3, "deviation", 1.0, 20, (1e-4, 0.05)),
)
"""The default schedule, from a wide basin to fine detail."""

LOST = 0.85
"""A registration with less confidence is taken for lost. Of 600 refinements of simulated X-rays from many starts
(``python -m diffpose_nb.make_registrations``) the 432 that ended within 2 mm had more than 0.93, and of the others all
but one less than 0.75; that one had 0.82. A balloon of water in the patient's place has 0.81."""

_SPREAD = (8.0, 20.0)
"""Degrees and mm: standard deviation of restarts about each axis."""
_SAME = 2.0
"""mm: attempts that end no further :func:`apart` agree."""
_CALIBRATED = 2
"""In so many of the last stages the detector is free, if it is at all: before, the pose is too far off to ask."""

Axes = Literal["world", "camera", "source"]


def refine(
    subject: torchio.Subject,
    xray: XRay | Sequence[XRay],
    world_from_camera: Tensor | None = None,
    *,
    stages: Sequence[Stage] = STAGES,
    bone: float = BONE,
    valid: Tensor | Sequence[Tensor] | None = None,
    structures: Sequence[str | int] | None = None,
    patches: int | None = None,
    score: regions.Score | None = None,
    axes: Axes = "world",
    calibrate: bool = False,
    restarts: int = 4,
    confirm: int = 0,
    seed: int = 0,
    progress: bool = True,
    callback: Callable[[Step], None] | None = None,
) -> Refinement:
    """Register an X-ray to a CT, starting from the pose in its header; or several X-rays of one patient at once.

    Parameters
    ----------
    subject
        The CT, from :mod:`diffpose_nb.ct`.
    xray
        The X-ray. Of several, taken while the patient lay still, the poses relative to each other are trusted: one
        rigid motion of the patient is sought that repairs them all.
    world_from_camera
        (4, 4), or (V, 4, 4) of V X-rays: where to start; default the nominal poses of the X-rays.
    stages
        The schedule.
    bone
        Factor on the attenuation above that of water (plus 10 %), see :data:`BONE`; 1 leaves the CT as it is.
    valid
        (rows, columns) bool, one for each X-ray: pixels to compare. Default what the collimator leaves open.
    structures
        Names or numbers of labels: local NCC then compares only patches in or beside their shadows, as the stage
        before would have them.
    patches
        So many patches a stage, drawn by ``seed``, and only their rays; default all of them.
    score
        Where to draw them, see :data:`diffpose_nb.regions.Score`; default everywhere alike.
    axes
        In which a step is damped: "world"; "camera": those of the first view about the centre of the CT; "source":
        the same about the source.
    calibrate
        Find the SID and the principal point too, in the last two stages: one correction, the same in mm for all
        views, held by :data:`diffpose_nb.calibration.DEVIATIONS`.
    restarts
        At most so many further attempts, from starts nearby, while local NCC is under :data:`LOST`.
    confirm
        So many further attempts, from starts around the pose that was found, to see whether they agree with it.
    seed
        Of those starts.
    progress
        Show a progress bar.
    callback
        Called after every rendering, to draw or to record.

    Returns
    -------
    Refinement
        Of the attempt with the highest local NCC. An interrupt (Ctrl-C, the stop button) ends the search and returns
        the best pose so far.

    Raises
    ------
    ValueError
        If an X-ray has NaN or infinite pixels, shows no contrast, a start is not a rigid transform, or an argument
        makes no sense.
    """
    one = isinstance(xray, XRay)
    xrays = [xray] if one else list(xray)
    start = _starts(xrays, world_from_camera)
    if not stages:
        raise ValueError("stages is empty: a refinement has at least one")
    if axes not in get_args(Axes):
        raise ValueError(f"axes is {axes!r}: it can be {', '.join(map(repr, get_args(Axes)))}")
    attenuations = [image.attenuation() for image in xrays]
    masks = _masks(attenuations, valid)

    def choose(stage: Stage, camera: Camera, target: Tensor, valid: Tensor, pose: Tensor) -> Tensor:
        if stage.patch is None:
            return valid
        if structures is not None:
            valid = valid & regions.shadow(subject, camera, pose, structures, stage.patch)
        if patches is not None:
            weights = None if score is None else score(target)
            valid = regions.sample(valid, stage.patch, stage.stride, patches, weights, seed)
        return valid

    def views(stage: Stage) -> list[Level]:
        volume = smoothed(subject, stage, bone)
        depths = invert(start)[:, 2, 3].tolist()  # of the world's origin, the centre of the CT, before each source
        seen = zip(xrays, attenuations, masks, depths, strict=True)
        return [Level(stage, volume, x.camera, image, mask, depth, choose) for x, image, mask, depth in seen]

    silent = {} if progress else {"disable": True}  # disable=False would overrule TQDM_DISABLE
    bar = tqdm(total=sum(stage.iterations for stage in stages), leave=False, **silent)
    towards = {"world": None, "camera": camera_axes(start[0]), "source": start[0]}[axes]
    search = Search(callback, bar, _CALIBRATED if calibrate else 0, towards)
    attempts: list[Attempt] = []
    agreement = float("nan")
    try:
        for motion in [torch.eye(4, dtype=torch.float64), *_motions(restarts, seed)]:
            attempts.append(search.through(stages, map(views, stages), motion @ start))
            if attempts[-1].ncc >= LOST:
                break
            bar.reset()
        found = max(attempts, key=lambda attempt: attempt.ncc)
        others = []
        for motion in _motions(confirm, seed + 1):
            bar.reset()
            others.append(search.through(stages, map(views, stages), motion @ found.poses))
        attempts += others
        if others:
            best = max(attempts, key=lambda attempt: attempt.ncc)
            peers = [attempt for attempt in (found, *others) if attempt is not best]  # nobody is his own witness
            agreement = float(np.mean([apart(peer.poses[0], best.poses[0]) < _SAME for peer in peers]))
    except KeyboardInterrupt:
        attempts.append(search.current or Attempt(start, torch.zeros(3)))
    finally:
        bar.close()
    best = max(attempts, key=lambda attempt: attempt.ncc)
    cameras = tuple(adjusted(x.camera, best.correction) if calibrate else x.camera for x in xrays)
    return Refinement(
        world_from_camera=best.poses[0] if one else best.poses,
        trace=pd.DataFrame(search.rows, columns=list(COLUMNS)),
        poses=torch.stack(search.poses) if search.poses else start.new_empty(0, *start.shape[one:]),
        confidence=best.ncc * (1.0 if np.isnan(agreement) else agreement),
        reason=best.reason,
        ncc=best.ncc,
        looseness=best.looseness,
        agreement=agreement,
        camera=cameras[0] if one else cameras,
    )


def apart(first: Tensor, second: Tensor) -> float:
    """How far the motion between two poses (4, 4) moves the patient, in mm: the mean at the ends of three axes.

    The six points are 100 mm from the centre of the CT, and are carried into camera coordinates.
    """
    axes = LEVER * torch.eye(3, dtype=torch.float64)
    points = torch.cat([axes, -axes])
    places = [points @ pose[:3, :3].mT + pose[:3, 3] for pose in (invert(first), invert(second))]
    return (places[0] - places[1]).norm(dim=1).mean().item()


def _starts(xrays: list[XRay], world_from_camera: Tensor | None) -> Tensor:
    """(V, 4, 4), checked."""
    if not xrays:
        raise ValueError("there is no X-ray: a refinement needs at least one")
    if world_from_camera is None:
        poses = torch.stack([as_float64(xray.world_from_camera) for xray in xrays])
    else:
        poses = as_float64(world_from_camera)
        poses = poses[None] if len(xrays) == 1 and poses.ndim == 2 else poses
    for xray in xrays:
        _require_usable(xray)
    if poses.shape != (len(xrays), 4, 4) or not all(map(_is_rigid, poses)):
        raise ValueError(
            f"world_from_camera, of shape {tuple(poses.shape)}, is not one rigid transform (4, 4) of determinant +1 "
            "for each X-ray; see diffpose_nb.frames for how to make one"
        )
    return poses


def _masks(attenuations: list[Tensor], valid: Tensor | Sequence[Tensor] | None) -> list[Tensor]:
    if valid is None:
        return [open_field(image) for image in attenuations]
    masks = [valid] if isinstance(valid, Tensor) else list(valid)
    if [mask.shape for mask in masks] != [image.shape for image in attenuations]:
        raise ValueError(f"valid is {[tuple(m.shape) for m in masks]}: it is a mask of each X-ray's rows and columns")
    return [mask.bool() for mask in masks]


def _motions(number: int, seed: int) -> Tensor:
    """(number, 4, 4): turns and shifts about the centre of the CT."""
    rng = np.random.default_rng(seed)
    rotation, translation = rng.normal(0, _SPREAD[0], (number, 3)), rng.normal(0, _SPREAD[1], (number, 3))
    return rigid_motion(torch.from_numpy(rotation), torch.from_numpy(translation))


def _is_rigid(pose: Tensor) -> bool:
    rotation = pose[:3, :3]
    orthogonal = torch.allclose(rotation @ rotation.mT, torch.eye(3, dtype=pose.dtype), atol=1e-6)
    return orthogonal and rotation.det().item() > 0


def _require_usable(xray: XRay) -> None:
    if not torch.isfinite(xray.pixels).all():
        raise ValueError("the X-ray has NaN or infinite pixels: replace them, or crop them away with xray.crop(…)")
    if xray.pixels.min() == xray.pixels.max():
        raise ValueError(f"every pixel of the X-ray is {xray.pixels[0, 0].item():g}: there is nothing to register")
