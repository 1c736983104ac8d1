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
"""A detector of 31 cm x 31 cm with only as many pixels as a pose network needs."""
COLUMNS = ("step", "seconds", "loss", "rotation", "in_plane", "depth", "learning_rate")
"""Columns of the history, which has a row for each step. The errors are medians over the batch: ``rotation`` is in
degrees per axis, ``in_plane`` and ``depth`` are in mm."""
SAVE_EVERY = 60.0
"""Seconds between two checkpoints: at most this much training is lost when the process ends early."""
DRAW_EVERY = 2.0
"""Seconds between calls of the callback."""
_WARM_UP = 0.05
"""Share of the steps in which the learning rate rises from 0."""
_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Training:
    """The result of :func:`fit`.

    ``regressor`` is the network, ``history`` a table with a row for each step, ``path`` the file in which the training
    is kept, and ``reason`` why it ended: "finished", "out of time" or "interrupted".
    """

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
    method: str = "fused",
    minutes: float | None = None,
    progress: bool = True,
    callback: Callable[[pd.DataFrame], None] | None = None,
    **network: Any,
) -> Training:
    r"""Train a :class:`PoseRegressor` on DRRs of one CT. The training is kept in a file, from which it can go on later.

    The loss is that of the DiffPose paper: geodesics between the predicted and the true pose, and a term for how much
    the pictures from these two poses differ,

    .. math::
        \mathcal L = \tfrac{1}{100}(d_\theta + d_t + \sqrt{d_\theta^2 + d_t^2}) + \lambda\,(1 - \mathrm{mNCC}).

    Parameters
    ----------
    subject
        The CT.
    path
        The checkpoint file, which is written every minute and at the end. If the file exists, the training goes on from
        it, and its curve is the same as without the break.
    poses, camera
        The distribution of poses and the camera of the pictures.
    steps, batch
        Number of steps, and number of pictures in each step.
    learning_rate
        Highest learning rate. It is reached after the first twentieth of the steps, then falls as a cosine to 0.
    image_weight, image_number
        :math:`\lambda`, and the number of pictures of a batch for which the predicted pose is rendered.
    augmentation
        Random changes of the pictures, and of the CT from which they are rendered, see :class:`Augmentation`.
    pool, renew
        Number of DRRs from which pictures are made, and number of DRRs that are replaced in each step, see
        :class:`diffpose_nb.train.Pool`.
    seed
        Seed of everything that is drawn at random.
    device
        The device to render and to train on. Default a GPU if there is one, otherwise the CPU. A GPU trains in mixed
        precision.
    method
        How DRRs are rendered, see :class:`diffpose_nb.train.Pool`. On a GPU it is always "trilinear".
    minutes
        Stop after this many minutes; a later call goes on from there.
    progress
        Show a progress bar.
    callback
        Called every two seconds with the history, to draw it.
    network
        Keywords of :class:`PoseRegressor`.

    Raises
    ------
    ValueError
        The file at ``path`` is not a checkpoint of such a training, or belongs to one with other settings.
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

    ends = {"continuation": augmentation.continuation, "cut": augmentation.cut}
    pictures = Pool(subject, camera, poses, pool, seed, **ends, method=method, device=device)
    pictures.skip_to(_rendered(len(rows), pool, renew, batch))
    loss_of = _Loss(subject, camera, poses, image_weight, image_number, method, device)
    before = rows[-1][1] if rows else 0.0
    started = saved = drawn = time.perf_counter()
    reason = "finished"
    bar = progress_bar(total=steps, initial=len(rows), show=progress)
    try:
        while len(rows) < steps:
            step = len(rows)
            # The DRRs are rendered here and not in a second process. On two cores, a second process would give more
            # DRRs but fewer pictures in all, and the pictures of a step would depend on how fast each process is.
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
            errors = camera_errors(estimate.detach().cpu(), made.poses, poses.isocenter_of(made.poses))
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
    """The history as a table with the columns :data:`COLUMNS`."""
    return pd.DataFrame(rows, columns=list(COLUMNS))


class _Loss:
    """The loss of :func:`fit`.

    It is the geodesics and, for some pictures of a batch, how much the pictures from the two poses differ. The
    translation is that of the isocentre, which is in the part of the patient that the picture shows.
    """

    def __init__(
        self,
        subject: torchio.Subject,
        camera: Camera,
        poses: PoseRange,
        weight: float,
        number: int,
        method: str = "fused",
        device: torch.device | str = "cpu",
    ) -> None:
        self._geodesics, self._poses = DoubleGeodesicSE3(camera.sid), poses
        self._weight, self._number = weight, number
        how = {"voxel": VOXEL, "step": STEP, "device": device}
        self._render = Renderer(subject, camera, method, **how) if weight else None

    def __call__(self, estimate: Tensor, truth: Tensor, made: Pictures) -> Tensor:
        origin = torch.zeros_like(truth)  # DiffDRR measures a translation at the origin, so the isocentre becomes it
        origin[:, :3, 3] = self._poses.isocenter_of(made.poses).to(truth.device)
        pair = (RigidTransform((pose - origin).float()) for pose in (estimate, truth))
        loss = sum(self._geodesics(*pair)).mean() / 100
        if self._render is None:
            return loss
        seen = self._render(estimate[: self._number].cpu())[:, 0].cpu()
        each = zip(seen, made.images[:, 0], made.valid[:, 0], strict=False)
        alike = torch.stack([multiscale_ncc(image, true, stride=4, valid=valid) for image, true, valid in each])
        return loss + self._weight * (1 - alike).mean().to(loss.device)


def _share(step: int, steps: int) -> float:
    """The learning rate of a step as a share of the highest one."""
    warm_up = max(1, round(_WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def _rendered(step: int, pool: int, renew: int, batch: int) -> int:
    """The number of DRRs that have been rendered when a step begins.

    A quarter of the pool is rendered before the first step. Then 2 * ``renew`` DRRs are added in each step until the
    pool is full, and ``renew`` in each step after that. With ``renew=0`` the whole pool is rendered at once.
    """
    if not renew:
        return pool
    first = max(batch, pool // 4)
    growing = -(-max(0, pool - first) // (2 * renew))
    return min(first + 2 * renew * step, max(pool, first)) + renew * max(0, step - growing)


def _resumed(path: Path, description: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint at ``path``, if it belongs to the same training; otherwise an error."""
    content = read_checkpoint(path)
    if "optimizer" not in content:
        raise ValueError(f"{path}: holds a finished network, not a training; choose another path")
    trained = content | _completed(content)
    for part in ("settings", "network", "poses", "camera"):
        for name, wanted in description[part].items():
            if trained[part].get(name) != wanted:
                raise ValueError(
                    f"{path}: was trained with {name}={trained[part].get(name)!r}, and now it is {wanted!r}; "
                    "choose another path, or delete the file to begin anew"
                )
    return content


def _completed(content: dict[str, Any]) -> dict[str, Any]:
    """The poses and settings of a checkpoint. What an older version did not know has the value that changes nothing."""
    poses, settings = asdict(PoseRange()) | content["poses"], dict(content["settings"])
    settings["augmentation"] = asdict(Augmentation()) | settings["augmentation"]
    return {"poses": poses, "settings": settings}
