"""A network for one level of the spine: the CT is long, and the X-ray shows a small round part of it.

:func:`level_poses` and :func:`level_camera` describe such X-rays, :func:`train_level` trains a network for them, and
:func:`judge_level` tests it on simulated ones. ``python -m diffpose_nb.commands.level`` does all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torchio

from ..camera import Camera
from ..train import Augmentation, PoseRange, PoseRegressor, Training, fit, label_centres
from .example import SOD
from .judging import held_out, judge

SID = 1020.0
"""Distance from the source to the detector, mm."""
FIELD = 160.0
"""Diameter of the field in the patient, mm, at the isocentre."""
TRAINED = 96
"""Rows and columns of the pictures that the network sees."""
TAKEN = 320
"""Rows and columns of the X-rays on which the network is tested."""
AUGMENTATION = Augmentation(round_field=0.7, instruments=0.3, continuation=0.8)
"""What is changed in the pictures of a level, see :class:`diffpose_nb.train.Augmentation`."""


def level_camera(field: float = FIELD, pixels: int = TRAINED) -> Camera:
    """A square detector whose width is that of a field, in mm at the isocentre, with so many rows and columns."""
    spacing = field * SID / SOD / pixels
    return Camera(SID, (spacing, spacing), (pixels, pixels))


def level_poses(subject: torchio.Subject, structures: str | int | Sequence[str | int], **ranges: object) -> PoseRange:
    """Poses of a C-arm that is aimed at a level, or at somewhere between several levels.

    Along the spine the shift is 15 mm, less than half the distance between two lumbar vertebrae. If the X-ray may be
    aimed at another vertebra, name that one too: the network then has to tell the vertebrae apart.

    Parameters
    ----------
    subject
        A CT with a label map.
    structures
        The label of a vertebra, by name or number; or several, in their order along the spine.
    ranges
        Other values of :class:`diffpose_nb.train.PoseRange`.
    """
    usual: dict[str, object] = {"primary": 20.0, "secondary": 15.0, "shift": (25.0, 15.0), "depth": 60.0, "sod": SOD}
    return PoseRange(**usual | {"isocenter": label_centres(subject, structures)} | ranges)


def train_level(
    subject: torchio.Subject, structures: str | int | Sequence[str | int], path: str | Path, **choices: object
) -> Training:
    """Train a network for X-rays of a level; ``choices`` are other arguments of :func:`diffpose_nb.train.fit`."""
    usual: dict[str, object] = {"camera": level_camera(), "augmentation": AUGMENTATION, "steps": 1300}
    if "poses" not in choices:
        usual["poses"] = level_poses(subject, structures)
    return fit(subject, path, **usual | choices)


def judge_level(
    regressor: PoseRegressor, subject: torchio.Subject, number: int = 100, progress: bool = True
) -> pd.DataFrame:
    """The errors of a network on simulated X-rays of its range, with round fields; the table of :func:`judge`.

    The CT from which the X-rays are simulated need not be the one that the network was trained on. If that one was
    shorter, give the whole CT here: only then do the X-rays show what the training did not know.
    """
    width = regressor.camera.shape[1] * regressor.camera.pixel_spacing[1] * regressor.poses.sod / regressor.camera.sid
    camera = level_camera(width, TAKEN)
    xrays = held_out(subject, regressor.poses, number, progress=progress, camera=camera, collimation="circle")
    return judge(regressor, xrays)
