"""X-rays that a pose network was not trained on, and its errors on them."""

from __future__ import annotations

import pandas as pd
import torch
import torchio
from torch import Tensor

from ..camera import invert
from ..evaluate import camera_errors
from ..images import XRay
from ..runtime import progress_bar
from ..simulate import simulate_xray
from ..train import PoseRange, PoseRegressor
from ..train.poses import NAMES
from .example import CAMERA

HELD_OUT, SEED = 200, 12345
"""How many X-rays the network is judged on, and the seed of their poses."""
COLUMNS = [f"{kind}_{axis}" for kind in ("rotation", "translation") for axis in "xyz"]
"""Of the table: degrees about, and mm along, the camera's axes; z is depth."""


def held_out(
    subject: torchio.Subject, poses: PoseRange, number: int = HELD_OUT, seed: int = SEED, progress: bool = True
) -> list[XRay]:
    """X-rays from all over the range, with physics that no training picture has, and their true poses."""
    nominal = poses.nominal
    return [
        simulate_xray(subject, CAMERA, *poses.view, poses.sod, motion=pose @ invert(nominal), seed=n)
        for n, pose in enumerate(progress_bar(poses.sample(number, seed), "X-rays", show=progress))
    ]


def judge(regressor: PoseRegressor, xrays: list[XRay]) -> pd.DataFrame:
    """A row for each X-ray: where in the range it was taken (:data:`NAMES`), and the six errors."""
    truth = torch.stack([xray.true_world_from_camera for xray in xrays])
    errors = camera_errors(regressor.predict(xrays), truth)
    values = torch.cat([regressor.poses.parameters(truth), errors], 1)
    return pd.DataFrame(values.numpy(), columns=[*NAMES, *COLUMNS])


def errors_of(table: pd.DataFrame) -> Tensor:
    """(N, 6) of :func:`judge`'s table."""
    return torch.from_numpy(table[COLUMNS].to_numpy(copy=True))
