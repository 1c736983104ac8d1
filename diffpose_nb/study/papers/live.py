"""What the figures compute when they are drawn: losses along each parameter, and times."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
import roma
import torch
import torchio
from torch import Tensor

from ...camera import Camera, as_float64, carm_pose, exp_se3, make_transform, moved
from ...conventions import deepfluoro_volume
from ...frames import from_diffpose
from ...render import STEP, PackedVolume, Renderer, line_integrals
from ...similarity import sample_patches
from ...similarity.landscapes import Setting, line
from .similarities import SIMILARITIES
from .table import logarithm

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


def coordinates(poses: Tensor, sid: float) -> dict[str, pd.DataFrame]:
    """Poses (N, 4, 4) as numbers, a row for each, in three sets of coordinates.

    "quaternion" is the rotation of ``world_from_camera``, with w at least 0; "place of the source" is its translation.
    "logarithm, turn" and "logarithm, shift" are the logarithm of the motion from the isocentre's pose to this one, see
    :func:`diffpose_nb.study.papers.table.logarithm`: the frontal pose with the centre of the CT half-way between source
    and detector, ``sid`` mm apart.
    """
    quaternions = roma.rotmat_to_unitquat(poses[:, :3, :3])[:, [3, 0, 1, 2]]
    quaternions = torch.where(quaternions[:, :1] < 0, -quaternions, quaternions)
    isocentre = carm_pose(0, 0, sid / 2).expand(len(poses), 4, 4)
    twists = logarithm(poses, isocentre)
    columns = {
        "quaternion": (quaternions, ["w", "x", "y", "z"]),
        "place of the source": (poses[:, :3, 3], ["x, mm", "y, mm", "z, mm"]),
        "logarithm, turn": (twists[:, :3], ["ω x, °", "ω y, °", "ω z, °"]),
        "logarithm, shift": (twists[:, 3:], ["v x, mm", "v y, mm", "v z, mm"]),
    }
    return {name: pd.DataFrame(values.numpy(), columns=labels) for name, (values, labels) in columns.items()}


def stations(subject: torchio.Subject, camera: Camera, sod: float) -> dict[str, tuple[Camera, Tensor]]:
    """Title → camera and pose: the factors of DiffPose's pose, one after the other, from the camera at (f/2, 0, 0) on.

    Parameters
    ----------
    camera
        Its ``sid`` is the focal length f. Its detector is taken as square, with square pixels.
    sod
        mm from the source to the isocentre after the last factor, which is an offset.
    """
    volume = deepfluoro_volume(subject)
    extent = as_float64(np.abs(subject.volume.affine[:3, :3]) @ np.array(subject.volume.spatial_shape))
    eye, none = torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    shift = make_transform(eye, extent / 2)
    turn_z, turn_x = (
        make_transform(roma.euler_to_rotmat(axis, as_float64([angle])), none)
        for axis, angle in (("Z", math.pi / 2), ("X", -math.pi / 2))
    )
    offset = exp_se3(as_float64([0, 0, 0, 0, sod - camera.sid / 2, 0]))
    poses = {
        "at (f/2, 0, 0)": torch.eye(4, dtype=torch.float64),
        "shift": shift,
        "shift, turn about z": shift @ turn_z,
        "both turns": shift @ turn_z @ turn_x,
        "and an offset": offset @ shift @ turn_z @ turn_x,
    }
    detector = {"sdr": camera.sid / 2, "height": camera.shape[0], "delx": camera.pixel_spacing[0]}
    return {title: from_diffpose(pose, volume, reverse_x_axis=True, **detector) for title, pose in poses.items()}


def differences(volume: PackedVolume, camera: Camera, pose: Tensor, step: float) -> Tensor:
    """The derivatives (6, rows, columns) of a DRR, each from the difference of two DRRs ``step`` ahead and behind.

    In camera axes about the centre of the CT: pitch, yaw and roll, per radian, then x, y and depth, per mm. ``step`` is
    in degrees and mm. The exact ones are those of :func:`diffpose_nb.render.pose_jacobian`.
    """
    offsets = step * torch.eye(6, dtype=torch.float64)
    ahead, behind = (
        torch.stack([_drr(volume, camera, one) for one in moved(pose, sign * offsets)]) for sign in (1, -1)
    )
    length = as_float64([math.radians(step)] * 3 + [step] * 3)
    return (ahead - behind) / (2 * length[:, None, None])


def _drr(volume: PackedVolume, camera: Camera, pose: Tensor) -> Tensor:
    source, target = camera.rays(pose)
    values = line_integrals(volume, source[None], target[None], STEP / camera.sid, camera.shape[1])[0]
    return values.reshape(camera.shape).double()


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
