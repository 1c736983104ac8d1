"""What the figures compute when they are drawn: losses along each parameter, and times."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pandas as pd
import torch
import torchio
from torch import Tensor

from ...camera import Camera
from ...render import Renderer
from ...similarity import sample_patches
from ...similarity.landscapes import Setting, line
from .similarities import SIMILARITIES

PUBLISHED_PATCHES = pd.DataFrame(
    {"ms": [29.5, 8.57, 15.3, 22.1, 25.7]}, index=pd.Index([0, 100, 250, 500, 750], name="patches")
)
"""ms of a rendering of 256 x 256 pixels by DiffPose, for patches of 13 x 13 pixels; 0 is the whole image. Source: the
outputs of ``notebooks/experiments/03_sparse_rendering.ipynb`` in DiffPose's repository. The GPU is not named there."""
LOSSES = ("NCC", "local NCC", "multiscale NCC", "gradient NCC")
"""The image losses of :data:`diffpose_nb.similarity.landscapes.LOSSES` that the paper compares."""
_PIXELS = 256


def along(setting: Setting, steps: int = 41) -> dict[str, Tensor]:
    """Losses along the six parameters, each (6, steps), at offsets of :func:`~diffpose_nb.similarity.landscapes.line`.

    The geodesic losses come first, then :data:`LOSSES`, then xvr's similarity, as "xvr's".
    """
    parts: dict[str, list[Tensor]] = {}
    for axis in range(6):
        offsets = line(axis, steps)
        with torch.no_grad():
            images = setting.renderer(setting.poses(offsets))[:, 0]
            xvr = 1 - SIMILARITIES["xvr's"](images, setting.target, setting.valid)
        values = setting.geodesics(offsets) | setting.losses(offsets, LOSSES) | {"xvr's": xvr}
        for name, some in values.items():
            parts.setdefault(name, []).append(some.double())
    return {name: torch.stack(rows) for name, rows in parts.items()}


def patch_times(
    subject: torchio.Subject,
    camera: Camera,
    pose: Tensor,
    numbers: Sequence[int] = tuple(PUBLISHED_PATCHES.index),
    repeats: int = 3,
    pixels: int = _PIXELS,
) -> pd.DataFrame:
    """ms of a rendering on this computer, by the number of patches of 13 x 13 pixels; 0 is the whole image.

    As in :data:`PUBLISHED_PATCHES`, patches are drawn and their rays rendered, without derivatives; ``rays`` says how
    many rays these were, a ray of several patches counted once. The time is the least of ``repeats``.
    """
    small = camera.resize(pixels, pixels)
    renderer = Renderer(subject, small)
    rows = {}
    for number in numbers:
        spent, rays = [], pixels**2
        for n in range(repeats):
            began = time.perf_counter()
            with torch.no_grad():
                if number:
                    drawn = sample_patches(small.shape, [13], number, seed=n).pixels
                    rays = len(drawn)
                    renderer(pose, pixels=drawn)
                else:
                    renderer(pose)
            spent.append(time.perf_counter() - began)
        rows[number] = {"ms": 1000 * min(spent), "rays": rays}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("patches")


def render_times(
    subject: torchio.Subject, camera: Camera, pose: Tensor, sides: Sequence[int] = (16, 32, 64), repeats: int = 2
) -> pd.DataFrame:
    """Seconds of a rendering on this computer, by the side of the picture, for three renderers; the least of a few."""
    methods = {"this package": "fused", "DiffDRR, trilinear": "trilinear", "DiffDRR, Siddon": "siddon"}
    rows = {}
    for side in sides:
        rows[side] = {}
        for name, method in methods.items():
            renderer = Renderer(subject, camera.resize(side, side), method)
            spent = []
            for _ in range(repeats):
                began = time.perf_counter()
                with torch.no_grad():
                    renderer(pose)
                spent.append(time.perf_counter() - began)
            rows[side][name] = min(spent)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("side")
