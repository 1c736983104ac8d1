"""X-rays that a pose network was not trained on, and the errors of the network on them."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import torch
import torchio
from torch import Tensor

from ..camera import Camera, carm_pose, invert
from ..evaluate import camera_errors
from ..images import XRay
from ..runtime import progress_bar
from ..simulate import simulate_xray
from ..train import PoseRange, PoseRegressor
from ..train.poses import NAMES
from .example import CAMERA

HELD_OUT, SEED = 200, 12345
"""Number of X-rays on which the network is tested, and the seed of their poses."""
COLUMNS = [f"{kind}_{axis}" for kind in ("rotation", "translation") for axis in "xyz"]
"""Columns of the errors: rotation about the camera's axes in degrees, translation along them in mm; z is depth."""


def held_out(
    subject: torchio.Subject,
    poses: PoseRange,
    number: int = HELD_OUT,
    seed: int = SEED,
    progress: bool = True,
    camera: Camera = CAMERA,
    **effects: object,
) -> list[XRay]:
    """Simulate X-rays from poses all over the range; each X-ray contains its true pose.

    The simulation has physics that no training picture has. ``camera`` is the detector, and ``effects`` are further
    arguments of :func:`diffpose_nb.simulate.simulate_xray`. The pose in the header is the nominal one of the range.
    """
    at_origin = carm_pose(*poses.view, poses.sod)  # the simulated C-arm is aimed at the world's origin, then moved
    xrays = []
    for n, pose in enumerate(progress_bar(poses.sample(number, seed), "X-rays", show=progress)):
        motion = pose @ invert(at_origin)
        xray = simulate_xray(subject, camera, *poses.view, poses.sod, motion=motion, seed=n, **effects)
        xrays.append(replace(xray, world_from_camera=poses.nominal))
    return xrays


def judge(regressor: PoseRegressor, xrays: list[XRay]) -> pd.DataFrame:
    """The errors of a network: a table with a row for each X-ray.

    The row holds the parameters of the true pose, with the names :data:`diffpose_nb.train.poses.NAMES`, and the six
    errors in the columns :data:`COLUMNS`. The errors are those at the isocentre.
    """
    truth = torch.stack([xray.true_world_from_camera for xray in xrays])
    errors = camera_errors(regressor.predict(xrays), truth, regressor.poses.isocenter_of(truth))
    values = torch.cat([regressor.poses.parameters(truth), errors], 1)
    return pd.DataFrame(values.numpy(), columns=[*NAMES, *COLUMNS])


def errors_of(table: pd.DataFrame) -> Tensor:
    """The errors (N, 6) in a table of :func:`judge`."""
    return torch.from_numpy(table[COLUMNS].to_numpy(copy=True))
