"""Adam on a similarity, step by step: the loop that DiffPose's and xvr's refinement have in common.

:func:`diffpose_nb.register.descend` is DiffPose's refinement as published, with a judgement at its end. Here the loop
lies open, so that the similarity, the parameterisation and the schedule of the learning rates can be exchanged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import roma
import torch
import torchio
from diffdrr.pose import RigidTransform, convert
from torch import Tensor

from ...camera import as_float64, invert, make_transform
from ...frames import from_diffdrr, to_diffdrr
from ...images import XRay, open_field
from ...register import BONE, STAGES
from ...register.descent import LEARNING_RATES
from ...register.pixels.level import Level
from ...render import line_integrals, smoothed
from ...similarity import sample_patches, sparse_ncc
from ...similarity.patches import Patches

SO3 = "so3_log_map"
"""A parameterisation that DiffDRR had until 0.3: the logarithm of the rotation, and the translation. The latter is
along the turned axes here, as in DiffDRR 0.6, so that only the rotation is written differently."""
PARAMETERIZATIONS = {
    "se(3) logarithm": ("se3_log_map", None),
    "so(3) logarithm": (SO3, None),
    "axis and angle": ("axis_angle", None),
    "Euler angles": ("euler_angles", "ZXY"),
    "quaternion": ("quaternion", None),
    "6 numbers": ("rotation_6d", None),
    "10 numbers": ("rotation_10d", None),
    "adjugate quaternion": ("quaternion_adjugate", None),
}
"""Name → parameterisation and convention, as ``diffdrr.pose.convert`` takes them: the eight of the DiffPose paper. Its
so(3) logarithm and its axis and angle are the same three numbers. DiffDRR has since added one with 9 numbers; it is
left out, because its derivative does not exist at a rotation, where every descent begins."""
XVR_RATES = (1e-2, 1.0)
"""Learning rates of rotation and translation in xvr, at its coarsest scale; each further scale halves them."""
XVR_PATIENCE, XVR_FACTOR, XVR_THRESHOLD, XVR_PLATEAUS = 5, 0.1, 1e-4, 2
"""xvr's schedule: after so many iterations without a gain of the threshold, the learning rates are multiplied by the
factor; a scale ends at one reduction more than the number of plateaus. Source: xvr, ``register/base.py``."""
XVR_SCALES = (24, 12, 6)
"""By how much xvr shrinks DeepFluoro's pictures of 1436 pixels, one after the other. Source: xvr,
``scripts/pelvis/register``."""
DEEPFLUORO_SPACING = 0.194
"""mm of a pixel of DeepFluoro, of which :data:`XVR_SCALES` is counted."""


class Cost(NamedTuple):
    """What a similarity gives for a pose: the value to minimise, differentiable, and how many rays were rendered."""

    value: Tensor
    rays: int


Similarity = Callable[[Tensor, int], Cost]
"""Pose (4, 4) and number of the iteration → :class:`Cost`."""


@dataclass(frozen=True)
class Path:
    """The way of a descent.

    ``poses`` (N + 1, 4, 4) begin with the start; ``costs`` (N,) are those at the first N of them.
    """

    poses: Tensor
    costs: Tensor


def prepared(
    subject: torchio.Subject,
    xray: XRay,
    pixels: int = 160,
    voxel: float = 1.5,
    bone: float = BONE,
) -> Level:
    """An X-ray and its CT, as coarse as wanted and not smoothed, for the similarities of this module.

    Parameters
    ----------
    pixels
        About how many pixels the longer side of the binned X-ray keeps.
    voxel
        Size of the CT's blocks, and step along a ray, mm.
    bone
        Factor on the attenuation of bone above that of water, see :class:`diffpose_nb.register.Strategy`.
    """
    attenuation = xray.attenuation()
    depth = invert(as_float64(xray.world_from_camera))[2, 3].item()
    stage = replace(STAGES[-1], pixels=pixels, voxel=voxel, smoothing=0.0, step=voxel)
    return Level(stage, smoothed(subject, voxel, 0.0, bone), xray.camera, attenuation, open_field(attenuation), depth)


def rendered(level: Level, pose: Tensor, pixels: Tensor | None = None) -> Tensor:
    """Line integrals (N,) at pixels (N, 2), by default of all, row by row; differentiable in the pose."""
    source, target = level.camera.rays(pose) if pixels is None else level.camera.rays(pose, pixels)
    columns = level.camera.shape[1] if pixels is None else 1
    return line_integrals(level.volume, source[None], target[None], level.stage.step / level.camera.sid, columns)[0]


def sparse_similarity(
    level: Level, patches: int | None = 100, patch: int = 13, weights: tuple[float, float] = (0.5, 0.5), seed: int = 0
) -> Similarity:
    """DiffPose's: NCC of patches that are drawn anew in each iteration, and NCC of all of their pixels at once.

    Parameters
    ----------
    patches, patch
        How many patches are drawn, and their side in pixels. None: as many as cover the image once.
    weights
        Weights of the two parts: of the patches, and of all pixels at once.
    """
    number = patches or math.ceil(int(level.valid.sum()) / patch**2)

    def cost(pose: Tensor, n: int) -> Cost:
        drawn = sample_patches(level.camera.shape, [patch], number, level.valid, seed + n)
        both = Patches(drawn.pixels, (*drawn.members, torch.arange(len(drawn.pixels))[None]))
        rays = rendered(level, pose, drawn.pixels)
        return Cost(1 - sparse_ncc(rays, level.target, both, weights), len(drawn.pixels))

    return cost


def whole_similarity(level: Level, alike: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Similarity:
    """A similarity of whole images: a function of image, target and valid pixels, all (rows, columns)."""

    def cost(pose: Tensor, n: int) -> Cost:
        image = rendered(level, pose).reshape(level.camera.shape)
        return Cost(1 - alike(image, level.target.to(image.dtype), level.valid), image.numel())

    return cost


def descend_on(
    similarity: Similarity,
    start: Tensor,
    iterations: int = 250,
    *,
    rates: tuple[float, float] = LEARNING_RATES,
    plateau: tuple[float, int, float, int] | None = None,
    parameterization: str = "se3_log_map",
    convention: str | None = None,
) -> Path:
    """Follow the gradient of a similarity with Adam.

    Parameters
    ----------
    start
        (4, 4) where to begin.
    iterations
        At most so many.
    rates
        Learning rates of rotation and translation, in the units of the parameterisation (mm for the translation).
    plateau
        xvr's schedule, (factor, patience, threshold, plateaus). None: DiffPose's, times 0.9 after every 25 iterations.
    parameterization, convention
        How the pose is written in numbers, see :data:`PARAMETERIZATIONS`.
    """
    code = "axis_angle" if parameterization == SO3 else parameterization
    rotation, translation = to_diffdrr(as_float64(start)).float().convert(code, convention)
    rotation, translation = (values.clone().requires_grad_() for values in (rotation, translation))
    groups = [{"params": [v], "lr": rate} for v, rate in zip((rotation, translation), rates, strict=True)]
    optimizer = torch.optim.Adam(groups)
    schedule = _schedule(optimizer, plateau)

    def current() -> Tensor:
        return pose_of(rotation, translation, parameterization, convention)

    poses, costs = [], []
    for n in range(iterations):
        pose = current()
        cost = similarity(pose, n).value
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        poses.append(pose.detach())
        costs.append(cost.detach().double())
        if schedule(cost.item()):
            break
    with torch.no_grad():
        poses.append(current())
    return Path(torch.stack(poses), torch.stack(costs))


def pose_of(rotation: Tensor, translation: Tensor, parameterization: str, convention: str | None = None) -> Tensor:
    """``world_from_camera`` (4, 4) of the numbers (1, D) and (1, 3) of a parameterisation; differentiable."""
    if parameterization != SO3:
        pose = convert(rotation, translation, parameterization=parameterization, convention=convention)
        return from_diffdrr(pose)[0]
    matrix = roma.rotvec_to_rotmat(rotation)
    turned = (matrix @ translation[..., None])[..., 0]  # along the turned axes, as DiffDRR has it
    return from_diffdrr(RigidTransform(make_transform(matrix, turned).float()))[0]


def _schedule(optimizer: torch.optim.Optimizer, plateau: tuple[float, int, float, int] | None) -> Callable:
    """A function that takes the cost, changes the learning rates, and says whether the descent is over."""
    if plateau is None:
        decay = torch.optim.lr_scheduler.StepLR(optimizer, 25, 0.9)
        return lambda cost: decay.step()
    factor, patience, threshold, most = plateau
    reduce = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", factor, patience, threshold)
    rates = [optimizer.param_groups[0]["lr"]]

    def step(cost: float) -> bool:
        reduce.step(cost)
        if optimizer.param_groups[0]["lr"] < rates[-1]:
            rates.append(optimizer.param_groups[0]["lr"])
        return len(rates) > most

    return step


def xvr_levels(subject: torchio.Subject, xray: XRay, scales: Sequence[int] = XVR_SCALES) -> Iterator[tuple[int, Level]]:
    """The X-ray at each of xvr's scales: pixels as wide as DeepFluoro's are after shrinking by that scale."""
    for scale in scales:
        width = scale * DEEPFLUORO_SPACING
        pixels = round(max(xray.camera.shape) * min(xray.camera.pixel_spacing) / width)
        yield scale, prepared(subject, xray, pixels, voxel=min(3.0, max(1.5, 0.6 * width)))


def xvr_descent(
    subject: torchio.Subject,
    xray: XRay,
    start: Tensor,
    alike: Callable[[Tensor, Tensor, Tensor], Tensor],
    scales: Sequence[int] = XVR_SCALES,
    iterations: int = 100,
) -> dict[int, Path]:
    """xvr's refinement: whole images, coarse to fine, each scale until the similarity no longer grows.

    Returns the way of each scale, by the scale. xvr allows 500 iterations at each scale by default.
    """
    paths: dict[int, Path] = {}
    for n, (scale, level) in enumerate(xvr_levels(subject, xray, scales)):
        rates = tuple(rate / 2**n for rate in XVR_RATES)
        plateau = (XVR_FACTOR, XVR_PATIENCE, XVR_THRESHOLD, XVR_PLATEAUS)
        paths[scale] = descend_on(
            whole_similarity(level, alike),
            start,
            iterations,
            rates=rates,
            plateau=plateau,
            parameterization="euler_angles",
            convention="ZXY",
        )
        start = paths[scale].poses[-1]
    return paths
