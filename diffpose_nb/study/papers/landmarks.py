"""Landmarks by a network, and the pose from them: the way of the baselines "PnP".

A small U-Net draws a map for each landmark, of where in the picture it is. It is trained, as the pose network is, on
DRRs of one patient's CT. From the places and the landmarks in the CT, OpenCV computes the pose (perspective-n-point).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torchio
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ...camera import Camera, as_float64
from ...frames import from_opencv
from ...images import XRay, local_contrast
from ...runtime import progress_bar, written_whole
from ...train import Augmentation, Pool, PoseRegressor
from ...train.pictures import mixed

WIDTHS = (16, 32, 48, 64)
"""Channels of the network at a half, a quarter, an eighth and a sixteenth of the picture's resolution."""
SPREAD = 1.0
"""Standard deviation of the wanted map of a landmark, in pixels of the map, which are two of the picture's."""
CERTAIN = 0.3
"""A landmark is used if so much of its map lies within two pixels of the maximum."""
REPROJECTION = 3.0
"""Pixels: a landmark farther from its place by a pose does not speak for that pose (RANSAC)."""
_SAVE_EVERY = 60.0


class LandmarkNetwork(nn.Module):
    """A U-Net from a picture of :meth:`diffpose_nb.train.PoseRegressor.prepare` to a map for each landmark.

    Parameters
    ----------
    number
        How many landmarks.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        a, b, c, d = WIDTHS
        self.first = nn.Sequential(nn.Conv2d(1, a, 7, 2, 3), nn.GroupNorm(4, a), nn.SiLU(), _block(a, a))
        self.down = nn.ModuleList([_block(a, b, 2), _block(b, c, 2), _block(c, d, 2)])
        self.up = nn.ModuleList([_block(d + c, c), _block(c + b, b), _block(b + a, 24)])
        self.last = nn.Conv2d(24, number, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (B, landmarks, rows / 2, columns / 2) for pictures (B, 1, rows, columns)."""
        seen = [self.first(pictures)]
        for block in self.down:
            seen.append(block(seen[-1]))
        coarse = seen.pop()
        for block in self.up:
            finer = seen.pop()
            coarse = block(torch.cat([interpolate(coarse, finer.shape[-2:], mode="nearest"), finer], 1))
        return self.last(coarse)


def _block(into: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(into, out, 3, stride, 1), nn.GroupNorm(8, out), nn.SiLU())


def fit_landmarks(
    subject: torchio.Subject,
    landmarks: pd.DataFrame,
    network: PoseRegressor,
    path: Path,
    *,
    steps: int = 1000,
    batch: int = 16,
    pool: int = 256,
    seed: int = 0,
    progress: bool = True,
    callback: Callable[[int, float], None] | None = None,
) -> LandmarkNetwork:
    """Train on DRRs from the poses, with the camera, of a pose network. It goes on from ``path`` if that exists.

    A thousand steps take two to five minutes on one CPU core, which is short: the networks of papers are trained for
    hours.

    Parameters
    ----------
    path
        The checkpoint, written every minute and at the end.
    steps, batch, pool
        Number of steps, pictures in a step, and DRRs from which they are made; a DRR is replaced in each step.
    callback
        Called after each step with its number and the loss.

    Raises
    ------
    ValueError
        ``path`` belongs to a training of another number of steps, whose learning rates were planned for that number.
    """
    torch.manual_seed(seed)
    places = as_float64(landmarks[["x", "y", "z"]].to_numpy(copy=True))
    model = LandmarkNetwork(len(places)).train()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.1)
    done = 0
    if path.exists():
        state = torch.load(path, weights_only=True)
        done = state["step"]
        if state["steps"] != steps:
            raise ValueError(f"{path} is of a training of {state['steps']} steps, not {steps}: name another file")
        if done >= steps:
            return load_network(path)
        model.load_state_dict(state["weights"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])

    def save(step: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {"weights": model.state_dict(), "step": step, "steps": steps}
        state |= {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
        with written_whole(path) as file:
            torch.save(state, file)

    pictures, augmentation = Pool(subject, network.camera, network.poses, pool, seed), Augmentation()
    pictures.skip_to(pool + done)
    saved = time.perf_counter()
    for step in progress_bar(range(done, steps), "landmarks", show=progress, initial=done, total=steps):
        pictures.render(1)
        generator = torch.Generator().manual_seed(mixed(seed + 1, step))
        made = pictures.draw(batch, generator)
        inputs = local_contrast(*augmentation(made.images, made.valid, generator))
        at = torch.stack([network.camera.project(places, pose) for pose in made.poses])
        loss = _loss(model(inputs), at.float(), made.valid[:, 0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if callback is not None:
            callback(step, loss.item())
        if time.perf_counter() - saved > _SAVE_EVERY:
            save(step + 1)
            saved = time.perf_counter()
    save(steps)
    return model.eval()


def load_network(path: Path) -> LandmarkNetwork:
    """A network from a checkpoint of :func:`fit_landmarks`."""
    weights = torch.load(path, weights_only=True)["weights"]
    model = LandmarkNetwork(len(weights["last.weight"]))
    model.load_state_dict(weights)
    return model.eval()


def _loss(logits: Tensor, at: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy between the maps and Gaussians at the places (B, L, 2) (column, row) that lie in the picture."""
    rows, columns = logits.shape[-2:]
    column, row = ((at + 0.5) / 2 - 0.5).unbind(-1)  # two pixels of the picture are one of the map
    across = -0.5 * ((torch.arange(columns) - column[..., None]) / SPREAD).square()
    down = -0.5 * ((torch.arange(rows) - row[..., None]) / SPREAD).square()
    wanted = (down[..., :, None] + across[..., None, :]).flatten(2).softmax(-1)
    size = torch.tensor([valid.shape[-1], valid.shape[-2]])
    inside = ((at > 0) & (at < size - 1)).all(-1)
    each = -(wanted * logits.flatten(2).log_softmax(-1)).sum(-1)
    return each[inside].mean()


@torch.no_grad()
def find_landmarks(model: LandmarkNetwork, network: PoseRegressor, xray: XRay) -> tuple[Tensor, Tensor]:
    """Where the landmarks are in an X-ray, (L, 2) (column, row) of the network's camera, and how certain, (L,) 0 to 1.

    The place is the mean of the map within two pixels of its maximum; how certain it is, the share of the map there.
    """
    maps = model(network.prepare(xray))[0]
    rows, columns = maps.shape[-2:]
    share = maps.flatten(1).softmax(-1)
    top = share.argmax(-1)
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    row, column = row.flatten(), column.flatten()
    near = ((row - top[:, None] // columns).abs() <= 2) & ((column - top[:, None] % columns).abs() <= 2)
    share = share * near
    certain = share.sum(-1)
    place = torch.stack([(share * column).sum(-1), (share * row).sum(-1)], -1) / certain[:, None]
    return ((place + 0.5) * 2 - 0.5).double(), certain.double()


def pose_from_landmarks(landmarks: Tensor, at: Tensor, camera: Camera, seed: int = 0) -> Tensor | None:
    """The pose ``world_from_camera`` (4, 4) from landmarks (N, 3), world mm, and their places (N, 2) in a picture.

    RANSAC over OpenCV's perspective-n-point leaves out wrong places; the rest are fitted by least squares. None if
    fewer than six places agree with a pose.

    Raises
    ------
    ImportError
        OpenCV is missing; it comes with the extra "reference".
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError("landmarks need OpenCV: pip install 'diffpose-nb[reference]'") from error
    points, pixels = np.ascontiguousarray(landmarks.numpy()), np.ascontiguousarray(at.numpy())
    if len(points) < 6:
        return None
    cv2.setRNGSeed(seed)
    intrinsics, _ = camera.to_opencv()
    options = {"reprojectionError": REPROJECTION, "iterationsCount": 2000, "flags": cv2.SOLVEPNP_SQPNP}
    found, turn, shift, agree = cv2.solvePnPRansac(points, pixels, intrinsics, None, **options)
    if not found or agree is None or len(agree) < 6:
        return None
    agree = agree[:, 0]
    turn, shift = cv2.solvePnPRefineLM(points[agree], pixels[agree], intrinsics, None, turn, shift)
    return from_opencv(turn, shift)
