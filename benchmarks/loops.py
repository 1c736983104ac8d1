"""How fast registration and training are with each renderer: seconds for an iteration, and pictures per second."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import cycle

import pandas as pd
import torch
import torchio
from torch import Tensor
from tqdm.auto import tqdm

from diffpose_nb import frames
from diffpose_nb.camera import Camera
from diffpose_nb.images import local_contrast
from diffpose_nb.register import BONE, STAGES
from diffpose_nb.register.pixels.level import Level
from diffpose_nb.render import PackedVolume, Renderer, smoothed
from diffpose_nb.similarity import Patches, multiscale_ncc, sample_patches, sparse_ncc
from diffpose_nb.train import CAMERA, Augmentation, Pool, PoseRange, PoseRegressor

from .contenders import POSE

METHODS = {"fused (ours)": "fused", "DiffDRR trilinear": "trilinear"}
BATCH, NEW = 32, 4
"""Number of pictures in a step of training, and number of DRRs that are rendered anew for it."""


def refinement(subject: torchio.Subject, rounds: int) -> pd.DataFrame:
    """Seconds for one iteration of a registration.

    The iterations are those of Adam on sparse and on dense multiscale NCC, with both renderers, and of Gauss-Newton,
    with ours. Images have 160 x 160 pixels. Sparse NCC compares 100 patches of 13 x 13 pixels.
    """
    camera = Camera(1020.0, (1.94, 1.94), (160, 160))
    target = Renderer(subject, camera)(POSE)[0, 0]
    patches = sample_patches(camera.shape, [13], 100, seed=0)
    start = frames.rigid_motion([2.0, 0.0, 0.0], [5.0, 0.0, 0.0]) @ POSE
    tasks: dict[tuple[str, str], Callable[[], object]] = {}
    for name, method in METHODS.items():
        renderer = Renderer(subject, camera, method)
        tasks["Adam, sparse", name] = lambda renderer=renderer: _descend(renderer, start, target, patches)
        tasks["Adam, dense", name] = lambda renderer=renderer: _descend(renderer, start, target, None)
    stage = STAGES[-1]
    everywhere = torch.ones(camera.shape, dtype=torch.bool)
    level = Level(stage, smoothed(subject, stage.voxel, stage.smoothing, BONE), camera, target, everywhere, 700.0)
    poses = cycle([start, POSE])  # a level keeps what it saw at the last pose
    tasks["Gauss–Newton, dense", "fused (ours)"] = lambda: level.linearise(next(poses))
    seconds = _interleaved(tasks, rounds)
    rows = [(task, name, value, value / seconds[task, "fused (ours)"]) for (task, name), value in seconds.items()]
    return pd.DataFrame(rows, columns=["iteration", "renderer", "seconds", "times ours"])


def training(subject: torchio.Subject, rounds: int) -> pd.DataFrame:
    """Pictures per second in the loop that trains the pose network. The loop is the same for both renderers."""
    poses = PoseRange()
    regressor = PoseRegressor(poses, CAMERA).train()
    optimizer = torch.optim.AdamW(regressor.parameters())
    kinds = {"fused": Pool, "trilinear": _DiffDRRPool}
    pools = {name: kinds[method](subject, CAMERA, poses, 64) for name, method in METHODS.items()}
    for pool in pools.values():
        pool.render(NEW)

    def step(pool: Pool, new: int) -> None:
        pool.render(new)
        generator = torch.Generator().manual_seed(pool.rendered)
        made = pool.draw(BATCH, generator)
        estimate = regressor(local_contrast(*Augmentation()(made.images, made.valid, generator)))
        loss = (estimate - made.poses).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    tasks = {("as it is", name): lambda pool=pool: step(pool, NEW) for name, pool in pools.items()}
    tasks["without rendering", ""] = lambda: step(pools["fused (ours)"], 0)
    tasks["a DRR for each picture", "fused (ours)"] = lambda: step(pools["fused (ours)"], BATCH)
    seconds = _interleaved(tasks, rounds)
    rows = [(task, name, BATCH / value) for (task, name), value in seconds.items()]
    return pd.DataFrame(rows, columns=["training", "renderer", "pictures a second"])


class _DiffDRRPool(Pool):
    """The same pool, but its DRRs are rendered by DiffDRR from the unchanged CT."""

    def __init__(self, subject: torchio.Subject, *arguments: object) -> None:
        super().__init__(subject, *arguments)
        self._renderer = Renderer(subject, self.wide, "trilinear")

    def drr(self, world_from_camera: Tensor, volume: PackedVolume) -> Tensor:
        return self._renderer(world_from_camera)[0, 0]


def _descend(renderer: Renderer, start: Tensor, target: Tensor, patches: Patches | None) -> None:
    twist = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([twist])
    pose = frames.exp_se3(twist) @ start
    if patches is None:
        loss = 1 - multiscale_ncc(renderer(pose)[0, 0], target)
    else:
        loss = 1 - sparse_ncc(renderer(pose, pixels=patches.pixels)[0, 0], target, patches)
    loss.backward()
    optimizer.step()


def _interleaved(tasks: dict[tuple[str, str], Callable[[], object]], rounds: int) -> dict[tuple[str, str], float]:
    """Median seconds of each task. Each round runs all tasks once, so that a slow moment of the machine affects all."""
    # The first task is run once before measuring, so that the code is compiled and the data are in the cache.
    next(iter(tasks.values()))()
    seconds: dict[tuple[str, str], list[float]] = {name: [] for name in tasks}
    for _ in tqdm(range(rounds), desc="loops"):
        for name, task in tasks.items():
            started = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}
