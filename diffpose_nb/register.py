"""2D/3D registration: from a first guess of the C-arm's pose to the pose that explains the X-ray.

Gauss-Newton (Levenberg-Marquardt) on local normalised cross-correlation, coarse to fine. One march through the CT
gives the image and its six derivative images; the CT and the X-ray are smoothed alike, to about the footprint of a
pixel, because derivatives of a raw CT are mostly its noise, and noise in J shortens every step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
import torchio
from scipy import ndimage
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary
from tqdm.auto import tqdm

from .camera import Camera
from .dicom import XRay
from .frames import as_float64, exp_se3, invert, transform_points
from .render import Volume, integrate
from .similarity import NormalEquations, Weighting, gradient_ncc_normal_equations, ncc_normal_equations


@dataclass(frozen=True)
class Stage:
    """One level of the coarse-to-fine schedule.

    Parameters
    ----------
    pixels
        About how many pixels the longer side of the binned X-ray keeps.
    voxel
        The CT is averaged over blocks of about this size, mm.
    smoothing
        Standard deviation of the Gaussian on CT and X-ray, mm in the patient.
    step
        Between samples along a ray, mm.
    patch, stride
        Of local NCC, pixels; None compares the whole image, its values and its gradient.
    weighting
        Of the patches, see :func:`diffpose_nb.similarity.local_ncc`.
    gain
        Factor on every step.
    iterations
        At most so many renderings.
    tolerance
        (radians, mm): the stage ends when a step is smaller.
    """

    pixels: int
    voxel: float
    smoothing: float
    step: float
    patch: int | None
    stride: int
    weighting: Weighting
    gain: float
    iterations: int
    tolerance: tuple[float, float]


STAGES = (
    Stage(64, 3.0, 6.0, 4.0, None, 1, "uniform", 1.5, 20, (1e-3, 0.2)),
    Stage(64, 3.0, 4.0, 4.0, 13, 3, "contrast", 1.5, 20, (1e-3, 0.2)),
    Stage(80, 1.5, 2.5, 2.5, 11, 3, "deviation", 1.0, 12, (3e-4, 0.1)),
    Stage(160, 1.5, 1.0, 1.5, 9, 3, "deviation", 1.0, 12, (1e-4, 0.05)),
)
"""The default schedule: a wide basin first, then ever finer detail."""

_DAMPING = 1e-3
_LONGEST_STEP = (0.15, 25.0)
"""Radians and mm: beyond, the linearisation means nothing."""

_SHADOW = 0.4
"""The collimator's shadow: darker than this fraction of the darkest per cent of the central half of the image."""
_PENUMBRA = 4
"""Pixels by which the shadow is widened: its edge is soft."""


@dataclass(frozen=True)
class Step:
    """What a callback of :func:`refine` gets: one rendering."""

    stage: int
    world_from_camera: Tensor
    cost: float
    accepted: bool
    image: Tensor
    target: Tensor


@dataclass(frozen=True)
class Refinement:
    """The outcome of :func:`refine`.

    Parameters
    ----------
    world_from_camera
        (4, 4) float64, the registered pose.
    trace
        One row a rendering: ``stage``, ``cost`` (1 - NCC as the stage compares; costs of different stages differ),
        ``accepted``, ``rotation`` (degrees) and ``translation`` (mm) of the step tried, ``seconds`` since the start.
    poses
        (rows of the trace, 4, 4): the pose of each rendering.
    confidence
        Local NCC at the end, 0 to 1: how much of the X-ray's structure the CT explains at this pose.
    reason
        Why it stopped, in words.
    """

    world_from_camera: Tensor
    trace: pd.DataFrame
    poses: Tensor
    confidence: float
    reason: str


def refine(
    subject: torchio.Subject,
    xray: XRay,
    world_from_camera: Tensor | None = None,
    *,
    stages: tuple[Stage, ...] = STAGES,
    progress: bool = True,
    callback: Callable[[Step], None] | None = None,
) -> Refinement:
    """Register an X-ray to a CT, starting from the pose in its header.

    Parameters
    ----------
    subject
        The CT, from :mod:`diffpose_nb.ct`.
    xray
        The X-ray; its camera is taken as it is.
    world_from_camera
        (4, 4) where to start; default the nominal pose of the X-ray.
    stages
        The schedule.
    progress
        Show a progress bar.
    callback
        Called after every rendering, to draw or to record.

    Returns
    -------
    Refinement
        An interrupt (Ctrl-C, the stop button) ends the search and returns the best pose so far.

    Raises
    ------
    ValueError
        If the X-ray has NaN or infinite pixels, shows no contrast, or the start is not a rigid transform.
    """
    pose = as_float64(xray.world_from_camera if world_from_camera is None else world_from_camera)
    _require_usable(xray, pose)
    attenuation = xray.attenuation()
    valid = _outside_shadow(attenuation)
    depth = invert(pose)[2, 3].item()  # of the world's origin, the centre of the CT, in front of the source
    run = _Run(callback, tqdm(total=sum(stage.iterations for stage in stages), disable=not progress, leave=False))
    reason = "no stage was run"
    try:
        for number, stage in enumerate(stages, start=1):
            level = _Level(stage, subject, xray.camera, attenuation, valid, depth)
            pose, reason = run.descend(level, number, pose)
    except KeyboardInterrupt:
        pose, reason = run.best if run.best is not None else pose, "interrupted"
    finally:
        run.bar.close()
    trace = pd.DataFrame(run.rows, columns=["stage", "cost", "accepted", "rotation", "translation", "seconds"])
    poses = torch.stack(run.poses) if run.poses else pose.new_empty(0, 4, 4)
    return Refinement(pose, trace, poses, max(0.0, 1 - run.best_cost), reason)


@dataclass
class _Run:
    """The bookkeeping of one refinement, and its inner loop."""

    callback: Callable[[Step], None] | None
    bar: tqdm
    rows: list[tuple] = field(default_factory=list)
    poses: list[Tensor] = field(default_factory=list)
    best: Tensor | None = None
    best_cost: float = np.inf
    started: float = field(default_factory=time.perf_counter)

    def descend(self, level: _Level, number: int, pose: Tensor) -> tuple[Tensor, str]:
        """Levenberg-Marquardt on one level; the pose it ends at and why."""
        stage = level.stage
        self.best, self.best_cost = pose, np.inf
        damping, equations, twist = _DAMPING, None, torch.zeros(6, dtype=torch.float64)
        for _ in range(stage.iterations):
            trial = exp_se3(twist) @ self.best
            found, image = level.linearise(trial)
            cost = found.cost.item()
            accepted = cost < self.best_cost
            self._record(Step(number, trial, cost, accepted, image, level.target), twist)
            if accepted:
                self.best, self.best_cost, equations = trial, cost, found
                damping = max(0.2 * damping, 1e-6)
            else:
                damping = max(8 * damping, 1e-3)
            small = twist[:3].norm() < stage.tolerance[0] and twist[3:].norm() < stage.tolerance[1]
            if twist.any() and small:
                return self.best, "converged"
            twist = _damped_step(equations, damping, stage.gain)
        return self.best, "reached its last iteration"

    def _record(self, step: Step, twist: Tensor) -> None:
        angle, shift = torch.rad2deg(twist[:3].norm()).item(), twist[3:].norm().item()
        self.rows.append((step.stage, step.cost, step.accepted, angle, shift, time.perf_counter() - self.started))
        self.poses.append(step.world_from_camera)
        self.bar.update()
        self.bar.set_postfix(stage=step.stage, NCC=f"{1 - step.cost:.4f}", refresh=False)
        if self.callback is not None:
            self.callback(step)


class _Level:
    """A stage made ready: the smoothed CT, the binned and equally smoothed X-ray, the detector's pixels."""

    def __init__(
        self, stage: Stage, subject: torchio.Subject, camera: Camera, attenuation: Tensor, valid: Tensor, depth: float
    ) -> None:
        self.stage = stage
        self.volume = _smoothed(subject, stage.voxel, stage.smoothing)
        rows, columns = camera.shape
        binning = max(1, round(max(rows, columns) / stage.pixels))
        rows, columns = rows // binning, columns // binning
        # the last pixels of an axis are left out if they do not fill a bin
        camera = camera.crop(0, 0, rows * binning, columns * binning).resize(rows, columns)
        binned, valid = (
            image[: rows * binning, : columns * binning].reshape(rows, binning, columns, binning)
            for image in (attenuation, valid)
        )
        self.valid = valid.all(3).all(1)
        sigma = (
            stage.smoothing * camera.sid / depth / np.array(camera.pixel_spacing)
        )  # the CT's blur as the detector sees it
        self.target = torch.from_numpy(ndimage.gaussian_filter(binned.mean((1, 3), dtype=torch.float64).numpy(), sigma))
        self.detector = camera.detector_points()
        self.step_fraction = stage.step / camera.sid

    def linearise(self, pose: Tensor) -> tuple[NormalEquations, Tensor]:
        """The cost at a pose with its derivatives, and the image (rows, columns)."""
        target = transform_points(pose, self.detector)
        source = pose[:3, 3].expand_as(target)
        image, whole, weighted = (x[0] for x in integrate(self.volume, source[None], target[None], self.step_fraction))
        rotation = torch.linalg.cross(source, whole) + torch.linalg.cross(target - source, weighted)
        image = image.reshape(self.target.shape)
        jacobian = torch.cat([rotation, whole], 1).mT.reshape(6, *image.shape)
        stage = self.stage
        if stage.patch is None:
            values = ncc_normal_equations(image, jacobian, self.target, valid=self.valid)
            return values + gradient_ncc_normal_equations(image, jacobian, self.target, self.valid), image
        equations = ncc_normal_equations(
            image, jacobian, self.target, stage.patch, stage.stride, self.valid, stage.weighting
        )
        return equations, image


def _damped_step(equations: NormalEquations, damping: float, gain: float) -> Tensor:
    hessian = equations.hessian + damping * torch.diag(equations.hessian.diagonal())
    twist = -gain * torch.linalg.lstsq(hessian, equations.gradient).solution
    rotation, translation = _LONGEST_STEP
    return twist / max(1.0, (twist[:3].norm() / rotation).item(), (twist[3:].norm() / translation).item())


def _outside_shadow(attenuation: Tensor) -> Tensor:
    """(rows, columns) bool: pixels that the collimator leaves open, a few away from its edge."""
    rows, columns = attenuation.shape
    centre = attenuation[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
    darkest = np.quantile(centre.numpy(), 0.99)
    return torch.from_numpy(
        ndimage.binary_erosion((attenuation < darkest - np.log(_SHADOW)).numpy(), iterations=_PENUMBRA, border_value=1)
    )


_levels: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
"""Smoothed copies of each CT, kept as long as its density lives: making them takes longer than a refinement."""


def _smoothed(subject: torchio.Subject, voxel: float, sigma: float) -> Volume:
    density = subject["density"].data
    version, copies = _levels.get(density, (None, {}))
    if version != density._version:  # the density was changed in place
        _levels[density] = (density._version, copies := {})
    if (voxel, sigma) not in copies:
        volume = Volume.of(subject["density"])
        blocks = tuple(max(1, round(voxel / mm)) for mm in volume.spacing)
        copies[voxel, sigma] = volume.average(blocks).smooth(sigma).pad()
    return copies[voxel, sigma]


def _require_usable(xray: XRay, pose: Tensor) -> None:
    if not torch.isfinite(xray.pixels).all():
        raise ValueError("the X-ray has NaN or infinite pixels: replace them, or crop them away with xray.crop(…)")
    if xray.pixels.min() == xray.pixels.max():
        raise ValueError(f"every pixel of the X-ray is {xray.pixels[0, 0].item():g}: there is nothing to register")
    rotation = pose[:3, :3] if pose.shape == (4, 4) else torch.zeros(3, 3, dtype=pose.dtype)
    if not torch.allclose(rotation @ rotation.mT, torch.eye(3, dtype=pose.dtype), atol=1e-6) or rotation.det() < 0:
        raise ValueError(
            f"world_from_camera, of shape {tuple(pose.shape)}, is not one rigid transform (4, 4) of determinant +1; "
            "see diffpose_nb.frames for how to make one"
        )
