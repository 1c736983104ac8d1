"""``python -m diffpose_nb.make_regressor`` trains the pose network that ships in ``diffpose_nb/data/``, and judges it.

Nine minutes of training on two CPU cores, then three for the 200 X-rays it is judged on. Interrupted, it goes on
where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import torch
import torchio
from torch import Tensor
from tqdm.auto import tqdm

from . import ct, data
from .dicom import XRay
from .frames import invert
from .make_example import CAMERA
from .simulate import simulate_xray
from .train import PoseRange, PoseRegressor, camera_errors, fit
from .train.poses import NAMES

HELD_OUT, SEED = 200, 12345
"""How many X-rays the network is judged on, and the seed of their poses."""
COLUMNS = [f"{kind}_{axis}" for kind in ("rotation", "translation") for axis in "xyz"]
"""Of the table: degrees about, and mm along, the camera's axes; z is depth."""


def held_out(
    subject: torchio.Subject, poses: PoseRange, number: int = HELD_OUT, seed: int = SEED, progress: bool = True
) -> list[XRay]:
    """X-rays from all over the range, with physics that no training picture has, and their true poses."""
    nominal = poses.nominal
    silent = {} if progress else {"disable": True}
    return [
        simulate_xray(subject, CAMERA, *poses.view, poses.sod, motion=pose @ invert(nominal), seed=n)
        for n, pose in enumerate(tqdm(poses.sample(number, seed), "X-rays", leave=False, **silent))
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


def main(folder: Path, work: Path) -> None:
    """Write ``example_regressor.pt`` and ``example_regressor.csv`` to a folder; ``work`` keeps the training."""
    subject = ct.example()
    training = fit(subject, work / "regressor.pt")
    print(training.history.iloc[-1].to_string())
    table = judge(training.regressor, held_out(subject, training.regressor.poses))
    print(table[COLUMNS].abs().describe(percentiles=[0.5, 0.95]).round(2).to_string())
    training.regressor.save(folder / data.EXAMPLE_REGRESSOR.name, half=True)
    table.round(3).to_csv(folder / data.EXAMPLE_REGRESSOR_ERRORS.name, index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.make_regressor", description=__doc__)
    parser.add_argument("--folder", type=Path, default=data.EXAMPLE_REGRESSOR.parent, help="where to write both files")
    parser.add_argument("--work", type=Path, default=Path("notebooks/_work"), help="where the training is kept")
    arguments = parser.parse_args()
    main(arguments.folder, arguments.work)
