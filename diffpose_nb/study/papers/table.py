"""The methods that papers compare, on the same X-rays, one row for each X-ray and method.

The X-rays are those of :func:`diffpose_nb.study.registrations.table`: simulated with all physics, from poses all over
the range on which the network that ships was trained, and never seen by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd
import roma
import torch
import torchio
from torch import Tensor

from ...camera import as_float64, camera_axes, invert
from ...data import EXAMPLE_REGRESSOR, PAPERS_METHODS
from ...images import XRay
from ...register import refine
from ...train import PoseRegressor
from ..registrations import errors
from ..registrations import table as trials
from .adam import descend_on, prepared, sparse_similarity
from .evolution import evolve
from .landmarks import CERTAIN, LandmarkNetwork, find_landmarks, pose_from_landmarks

MIDDLE, STRATEGY, ADAM_ALONE = "middle of the range", "evolution strategy", "Adam, no network"
LANDMARKS, NETWORK, NETWORK_ADAM, NETWORK_GAUSS_NEWTON = (
    "landmarks and PnP",
    "network",
    "network, Adam",
    "network, Gauss–Newton",
)
METHODS = (MIDDLE, STRATEGY, ADAM_ALONE, LANDMARKS, NETWORK, NETWORK_ADAM, NETWORK_GAUSS_NEWTON)
"""The methods, in the order of the table."""
PIXELS, VOXEL, ITERATIONS = 107, 2.5, 250
"""Pixels along the longer side of the X-ray, mm of a voxel and of a step along a ray, and iterations, for Adam. 250
iterations and 100 patches of 13 pixels are the paper's."""
POSE = tuple(f"{row}{column}" for row in "xyz" for column in ("x", "y", "z", "t"))
"""Columns of a pose: the upper three rows of ``world_from_camera``."""


@dataclass(frozen=True)
class Bench:
    """What all methods share: the CT, its landmarks, the pose network, and the network that finds landmarks if any."""

    subject: torchio.Subject
    landmarks: pd.DataFrame
    network: PoseRegressor
    finder: LandmarkNetwork | None = None

    @property
    def points(self) -> Tensor:
        """(L, 3) the landmarks, world mm."""
        return as_float64(self.landmarks[["x", "y", "z"]].to_numpy(copy=True))


def _middle(bench: Bench, xray: XRay, seed: int) -> Tensor:
    return bench.network.poses.nominal


def _strategy(bench: Bench, xray: XRay, seed: int) -> Tensor:
    half = bench.network.poses.half[[1, 0, 2, 3, 4, 5]]  # the turn about x is the secondary angle
    return evolve(bench.subject, xray, bench.network.poses.nominal, half, seed=seed)


def adam(subject: torchio.Subject, xray: XRay, start: Tensor, seed: int) -> Tensor:
    """The pose (4, 4) to which DiffPose's refinement comes from ``start``, with patches drawn by ``seed``."""
    similarity = sparse_similarity(prepared(subject, xray, PIXELS, VOXEL), seed=seed * ITERATIONS)
    return descend_on(similarity, start, ITERATIONS).poses[-1]


def _adam_alone(bench: Bench, xray: XRay, seed: int) -> Tensor:
    return adam(bench.subject, xray, bench.network.poses.nominal, seed)


def _landmarks(bench: Bench, xray: XRay, seed: int) -> Tensor | None:
    at, certain = find_landmarks(bench.finder, bench.network, xray)
    use = certain > CERTAIN
    return pose_from_landmarks(bench.points[use], at[use], bench.network.camera, seed)


def _network(bench: Bench, xray: XRay, seed: int) -> Tensor:
    return bench.network.predict(xray)


def _network_adam(bench: Bench, xray: XRay, seed: int) -> Tensor:
    return adam(bench.subject, xray, bench.network.predict(xray), seed)


def _network_gauss_newton(bench: Bench, xray: XRay, seed: int) -> Tensor:
    return refine(bench.subject, xray, bench.network.predict(xray), progress=False).world_from_camera


HOW: Mapping[str, Callable[[Bench, XRay, int], Tensor | None]] = MappingProxyType(
    dict(
        zip(
            METHODS,
            (_middle, _strategy, _adam_alone, _landmarks, _network, _network_adam, _network_gauss_newton),
            strict=True,
        )
    )
)
"""Method → function of the bench, the X-ray and a seed. It returns the pose (4, 4), or None if it finds none."""


def run_method(bench: Bench, xray: XRay, number: int, method: str) -> dict[str, object]:
    """Run a method on an X-ray, and measure it. Returns a :func:`row`."""
    began = time.process_time()
    pose = HOW[method](bench, xray, number)
    return row(pose, xray, bench.landmarks, number, method, time.process_time() - began)


def row(
    pose: Tensor | None, xray: XRay, landmarks: pd.DataFrame, number: int, method: str, seconds: float
) -> dict[str, object]:
    """One row of the table: :data:`POSE`, the errors of :func:`diffpose_nb.study.registrations.errors`, and
    ``seconds`` of CPU time, which do not depend on what else the computer does.

    Without a pose, errors are infinite and the pose is NaN.
    """
    if pose is None:
        found = dict.fromkeys(("mtre", "mpe", "mrpd", "diffpose", "angle"), float("inf"))
        values = [float("nan")] * len(POSE)
    else:
        found, values = errors(pose, xray, landmarks), pose[:3].flatten().tolist()
    return {"xray": number, "method": method, "seconds": seconds, **found, **dict(zip(POSE, values, strict=True))}


def load(path: Path = PAPERS_METHODS) -> pd.DataFrame:
    """The table in a file, by default the one that comes with the package.

    A row for each X-ray and method, with the columns that :func:`row` fills; those of a public set have one more,
    ``patient``, within which X-rays are numbered. An infinite error means that the method gave no pose.
    """
    return pd.read_csv(path, comment="#", dtype={"patient": str})


def poses(table: pd.DataFrame) -> Tensor:
    """The poses (N, 4, 4) of rows of the table."""
    upper = torch.from_numpy(table[list(POSE)].to_numpy(float).reshape(-1, 3, 4).copy())
    last = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64).expand(len(upper), 1, 4)
    return torch.cat([upper, last], 1)


def truths(numbers: Sequence[int]) -> Tensor:
    """The true poses (N, 4, 4) of the X-rays with these numbers."""
    known = trials(PoseRegressor.load(EXAMPLE_REGRESSOR).poses)
    return torch.stack([known[number].truth for number in numbers])


def logarithm(estimate: Tensor, truth: Tensor, centre: Tensor | None = None) -> Tensor:
    """The logarithm (N, 6) of the relative pose: a rotation vector in degrees, and the translational part in mm.

    Both are in camera axes about a point of the patient, as in :func:`diffpose_nb.evaluate.camera_errors`: the
    logarithm of A⁻¹ Ê E⁻¹ A with the camera's axes A there.

    Parameters
    ----------
    estimate, truth
        (N, 4, 4) poses ``world_from_camera``.
    centre
        (3,) the point, world mm. Default the centre of the CT.
    """
    point = torch.zeros(3, dtype=torch.float64) if centre is None else as_float64(centre)
    axes = torch.stack([camera_axes(pose, point) for pose in truth])
    relative = invert(axes) @ estimate @ invert(truth) @ axes
    turn = roma.rotmat_to_rotvec(relative[:, :3, :3])
    twists = []
    for rotation, shift in zip(turn, relative[:, :3, 3], strict=True):
        twists.append(torch.cat([torch.rad2deg(rotation), torch.linalg.solve(_left(rotation), shift)]))
    return torch.stack(twists)


def _left(rotation: Tensor) -> Tensor:
    """The matrix (3, 3) by which a rotation vector carries the translational part of a twist into a translation."""
    angle = rotation.norm()
    cross = torch.linalg.cross(torch.eye(3, dtype=rotation.dtype), rotation.expand(3, 3), dim=-1)
    if angle < 1e-8:
        return torch.eye(3, dtype=rotation.dtype) + cross / 2
    first = (1 - angle.cos()) / angle**2
    return torch.eye(3, dtype=rotation.dtype) + first * cross + (angle - angle.sin()) / angle**3 * cross @ cross


def of(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """The rows of a method, by the X-rays' numbers."""
    return table[table.method == method].set_index("xray").sort_index()


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of those X-rays on which every method of the table was run, so that all are compared on the same."""
    which = ["patient", "xray"] if "patient" in table else ["xray"]
    return table[table.groupby(which).method.transform("nunique") == table.method.nunique()]
