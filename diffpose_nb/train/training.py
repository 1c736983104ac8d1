"""Training a pose network for one patient, on a laptop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torchio
from diffdrr.metrics import DoubleGeodesicSE3
from diffdrr.pose import RigidTransform
from torch import Tensor, nn

from ..camera import Camera
from ..evaluate import camera_errors
from ..images import local_contrast
from ..render import Renderer
from ..runtime import progress_bar
from ..similarity import multiscale_ncc
from .augment import Augmentation
from .checkpoint import read_checkpoint, write_checkpoint
from .pictures import STEP, VOXEL, Pictures, Pool, mixed
from .poses import PoseRange
from .regressor import PoseRegressor

CAMERA = Camera(sid=1020.0, pixel_spacing=(3.2, 3.2), shape=(96, 96))
"""A 31 cm detector with as many pixels as a pose network needs."""
COLUMNS = ("step", "seconds", "loss", "rotation", "in_plane", "depth", "learning_rate")
"""Of the history: one row each step; rotation in degrees an axis, in plane and depth in mm, medians of the batch."""
SAVE_EVERY = 60.0
"""Seconds: so much is lost at most."""
DRAW_EVERY = 2.0
"""Seconds between calls of the callback."""
_WARM_UP = 0.05
"""Of the steps, with a learning rate that rises from 0."""
_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Training:
    """What :func:`fit` gives: the network, one row a step, where it is kept, and why the training ended."""

    regressor: PoseRegressor
    history: pd.DataFrame
    path: Path
    reason: str


def fit(
    subject: torchio.Subject,
    path: str | Path,
    *,
    poses: PoseRange = PoseRange(),  # noqa: B008 - frozen
    camera: Camera = CAMERA,
    steps: int = 2100,
    batch: int = 32,
    learning_rate: float = 2e-3,
    image_weight: float = 0.0,
    image_number: int = 4,
    augmentation: Augmentation = Augmentation(),  # noqa: B008 - frozen
    pool: int = 1024,
    renew: int = 4,
    seed: int = 0,
    device: torch.device | str | None = None,
    minutes: float | None = None,
    progress: bool = True,
    callback: Callable[[pd.DataFrame], None] | None = None,
    **network: Any,
) -> Training:
    r"""Train a :class:`PoseRegressor` on DRRs of one CT; what it has learnt is kept in a file, and taken up again.

    The loss is the paper's: geodesics between the predicted and the true pose, and the dissimilarity of their pictures,

    .. math::
        \mathcal L = \tfrac{1}{100}(d_\theta + d_t + \sqrt{d_\theta^2 + d_t^2}) + \lambda\,(1 - \mathrm{mNCC}).

    Parameters
    ----------
    subject
        The CT.
    path
        The checkpoint: written every minute and at the end. If it is there, the training goes on from it, and its
        curve is the one that it would have had without the break.
    poses, camera
        Of the pictures.
    steps, batch
        How many steps, and pictures in each.
    learning_rate
        At its highest: it rises over the first twentieth, and falls as a cosine to 0.
    image_weight, image_number
        :math:`\lambda`, and for how many pictures of a batch the predicted pose is rendered.
    augmentation
        See :class:`Augmentation`.
    pool, renew
        How many DRRs to choose pictures from, and how many of them are new in each step, see
        :class:`diffpose_nb.train.Pool`.
    seed
        Of everything.
    device
        Default a GPU if there is one; there, in mixed precision.
    minutes
        Stop after so many, to go on another time.
    progress
        Show a progress bar.
    callback
        Called every two seconds with the history, to draw it.
    network
        Keywords of :class:`PoseRegressor`.

    Raises
    ------
    ValueError
        If the file at ``path`` is not a checkpoint of such a training, or one with other settings.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    path = Path(path)
    torch.manual_seed(seed)
    regressor = PoseRegressor(poses, camera, **network)
    settings = {"steps": steps, "batch": batch, "learning_rate": learning_rate, "image_weight": image_weight}
    settings |= {"image_number": image_number, "augmentation": asdict(augmentation), "pool": pool, "renew": renew}
    settings |= {"seed": seed}
    description = regressor.described() | {"settings": settings}
    state = _resumed(path, description) if path.exists() else None
    if state is not None:
        regressor = PoseRegressor.load(path)

    regressor.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(regressor.parameters(), learning_rate, weight_decay=1e-2, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share(step, steps))
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    rows: list[tuple[float, ...]] = []
    if state is not None:
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        scaler.load_state_dict(state["scaler"])
        rows = [tuple(row) for row in state["rows"]]

    def save() -> None:
        parts = {"optimizer": optimizer, "scheduler": scheduler, "scaler": scaler}
        content = {name: part.state_dict() for name, part in parts.items()}
        write_checkpoint(path, description | content | {"weights": regressor.state_dict(), "rows": rows})

    pictures = Pool(subject, camera, poses, pool, seed)
    pictures.skip_to(_rendered(len(rows), pool, renew, batch))
    loss_of = _Loss(subject, camera, image_weight, image_number)
    before = rows[-1][1] if rows else 0.0
    started = saved = drawn = time.perf_counter()
    reason = "finished"
    bar = progress_bar(total=steps, initial=len(rows), show=progress)
    try:
        while len(rows) < steps:
            step = len(rows)
            # Here and not in a second process: on two cores that gives more DRRs but fewer pictures in all, and which
            # ones a step sees would depend on the clock.
            pictures.render(_rendered(step + 1, pool, renew, batch) - pictures.rendered)
            generator = torch.Generator().manual_seed(mixed(seed + 1, step))
            made = pictures.draw(batch, generator)
            inputs = local_contrast(*augmentation(made.images, made.valid, generator))
            truth = made.poses.to(device)
            with torch.autocast(device.type, enabled=device.type == "cuda"):
                estimate = regressor(inputs.to(device, memory_format=torch.channels_last))
            loss = loss_of(estimate, truth, made)
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(regressor.parameters(), _LARGEST_GRADIENT)
            scaler.step(optimizer)
            scaler.update()
            rate = scheduler.get_last_lr()[0]
            scheduler.step()

            now = time.perf_counter()
            errors = camera_errors(estimate.detach().cpu(), made.poses)
            medians = [part.abs().median().item() for part in (errors[:, :3], errors[:, 3:5], errors[:, 5])]
            rows.append((step + 1, before + now - started, loss.item(), *medians, rate))
            bar.update()
            if callback is not None and (now - drawn > DRAW_EVERY or step + 1 == steps):
                callback(history(rows))
                drawn = time.perf_counter()
                bar.set_postfix_str(f"{medians[0]:.1f}°, {medians[1]:.1f} mm in plane, {medians[2]:.1f} mm depth")
            if now - saved > SAVE_EVERY:
                save()
                saved = time.perf_counter()
            if minutes is not None and now - started > 60 * minutes:
                reason = "out of time"
                break
    except KeyboardInterrupt:
        reason = "interrupted"
    finally:
        bar.close()
    save()
    return Training(regressor.eval(), history(rows), path, reason)


def history(rows: list[tuple[float, ...]]) -> pd.DataFrame:
    """With the columns of :data:`COLUMNS`."""
    return pd.DataFrame(rows, columns=list(COLUMNS))


class _Loss:
    """Geodesics, and for some pictures of a batch the dissimilarity of what is seen from either pose."""

    def __init__(self, subject: torchio.Subject, camera: Camera, weight: float, number: int) -> None:
        self._geodesics = DoubleGeodesicSE3(camera.sid)
        self._weight, self._number = weight, number
        self._render = Renderer(subject, camera, voxel=VOXEL, step=STEP) if weight else None

    def __call__(self, estimate: Tensor, truth: Tensor, made: Pictures) -> Tensor:
        loss = sum(self._geodesics(RigidTransform(estimate.float()), RigidTransform(truth.float()))).mean() / 100
        if self._render is None:
            return loss
        seen = self._render(estimate[: self._number].cpu())[:, 0]
        each = zip(seen, made.images[:, 0], made.valid[:, 0], strict=False)
        alike = torch.stack([multiscale_ncc(image, true, stride=4, valid=valid) for image, true, valid in each])
        return loss + self._weight * (1 - alike).mean().to(loss.device)


def _share(step: int, steps: int) -> float:
    """Of the highest learning rate."""
    warm_up = max(1, round(_WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def _rendered(step: int, pool: int, renew: int, batch: int) -> int:
    """How many DRRs have been rendered when a step begins: a quarter of the pool at once, then twice the pace."""
    if not renew:
        return pool
    first = max(batch, pool // 4)
    growing = -(-max(0, pool - first) // (2 * renew))
    return min(first + 2 * renew * step, max(pool, first)) + renew * max(0, step - growing)


def _resumed(path: Path, description: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint of the same training."""
    content = read_checkpoint(path)
    if "optimizer" not in content:
        raise ValueError(f"{path}: holds a finished network, not a training; choose another path")
    for part in ("settings", "network", "poses", "camera"):
        for name, wanted in description[part].items():
            if content[part].get(name) != wanted:
                raise ValueError(
                    f"{path}: was trained with {name}={content[part].get(name)!r}, and now it is {wanted!r}; "
                    "choose another path, or delete the file to begin anew"
                )
    return content
