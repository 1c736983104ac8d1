"""Which X-rays DiffPose and xvr count, how they prepare them, where they start, what they measure, what is a success.

Each paper's own way is a function, read off its published code; the corrected way stands beside it. The numbers of two
papers can be compared only if all of these agree, and between these two none does.

Sources: DiffPose 0.0.1 (``deepfluoro.py``, ``ljubljana.py``, ``experiments/``); xvr (``io/xray.py``,
``model/sampler.py``, ``experiments/``), read off their repositories.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torchio
from diffdrr.pose import convert
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from ... import evaluate, sets
from ...camera import Camera, as_float64, exp_se3, invert, moved, transform_points
from ...conventions import deepfluoro_volume
from ...frames import diffpose_isocenter_pose, from_diffdrr, from_diffpose, to_diffdrr
from ...images import XRay
from ...sets import PublicSet

BEAM = 65_487.0
"""The unattenuated beam in DeepFluoro's pixels, as DiffPose takes it for all X-rays."""
FACTOR = {"deepfluoro": 0.194, "ljubljana": 0.154}
"""What DiffPose's published errors are multiplied by, although they are in mm already, see
:func:`diffpose_nb.evaluate.diffpose_error`."""
SUB_MILLIMETRE = 1.0
"""mm. DiffPose counts errors below it, by its own measure, as successes."""
NEAR = (12.0, 34.0)
"""mm: the least and the largest mTRE of the starts of :func:`near_start`."""


def diffpose_set(path: str | Path | None = None) -> PublicSet:
    """DeepFluoro as DiffPose counts it: all 366 X-rays, also the four whose poses are known to be wrong."""
    return sets.deepfluoro(path, keep_wrong=True)


def xvr_set(path: str | Path | None = None) -> PublicSet:
    """DeepFluoro as xvr counts it, and as it should be counted: 362 X-rays, without the four of a wrong pose."""
    return sets.deepfluoro(path)


def diffpose_pixels(xray: XRay) -> Tensor:
    """DiffPose's X-ray (rows, columns) from DeepFluoro: blurred, a logarithm against one beam for all, from 0 to 1.

    The crop by 50 pixels at each side is made by :func:`diffpose_nb.sets.deepfluoro`.
    """
    blurred = gaussian_blur(xray.pixels[None, None], [5, 5], [1.0, 1.0])[0, 0]
    integrals = np.log(BEAM) - blurred.clamp(min=1).log()
    return (integrals - integrals.min()) / (integrals.max() - integrals.min())


def xvr_pixels(xray: XRay, subtract_background: bool = False) -> Tensor:
    """xvr's X-ray (rows, columns): pixels from 0 to 1, 1 added, and a logarithm of that.

    So the largest value is log 2, and the values are no line integrals: dense bone is compressed.

    Parameters
    ----------
    xray
        An X-ray with the stored pixels.
    subtract_background
        Set everything as bright as the most frequent value and brighter to 0, as xvr does for Ljubljana.
    """
    pixels = xray.pixels
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min() + 1e-6)
    if subtract_background:
        pixels = (pixels - pixels.flatten().mode().values).clamp(-1, 0) + 1
    pixels = pixels + 1
    return pixels.max().log() - pixels.log()


def corrected_pixels(xray: XRay) -> Tensor:
    """Line integrals (rows, columns) up to an offset, :meth:`diffpose_nb.images.XRay.attenuation`."""
    return xray.attenuation()


def diffpose_start(subject: torchio.Subject, sid: float, seed: int) -> Tensor:
    """A pose (4, 4) from the distribution on which DiffPose trains for DeepFluoro.

    Offsets in se(3) from the isocentre's pose: rotations with standard deviations of 0.2, 0.1 and 0.25 rad,
    translations of 10 ± 70, 250 ± 90 and 5 ± 50 mm. In the paper, the network's prediction is the start.
    """
    rng = np.random.default_rng(seed)
    offset = rng.normal([0, 0, 0, 10, 250, 5], [0.2, 0.1, 0.25, 70, 90, 50])
    volume, isocentre = deepfluoro_volume(subject), _isocentre(subject)
    detector = {"sdr": sid / 2, "height": 8, "delx": 1.0, "reverse_x_axis": True}
    return from_diffpose(exp_se3(offset) @ isocentre, volume, **detector)[1]


def _isocentre(subject: torchio.Subject) -> Tensor:
    """DiffPose's pose at the middle of a CT that lies as DeepFluoro's do: along the patient's axes."""
    volume = subject["volume"]
    extent = np.abs(volume.affine[:3, :3]) @ np.array(volume.spatial_shape)
    return diffpose_isocenter_pose(extent.tolist(), [1.0, 1.0, 1.0])


def xvr_start(seed: int) -> Tensor:
    """A pose (4, 4) from the distribution on which xvr trains for DeepFluoro.

    Uniform: angles of 135 to 225, -45 to 45 and -15 to 15 degrees; the source 450 to 1000 mm away and up to 150 mm
    aside. In the paper, the network's prediction is the start.
    """
    rng = np.random.default_rng(seed)
    angles = rng.uniform([135, -45, -15], [225, 45, 15])
    shift = rng.uniform([-150, 450, -150], [150, 1000, 150])
    pose = convert(
        torch.tensor(angles[None]).float(), torch.tensor(shift[None]).float(), parameterization="euler_angles",
        convention="ZXY", degrees=True,
    )  # fmt: skip
    return from_diffdrr(pose, "AP")[0]


def near_start(truth: Tensor, landmarks: pd.DataFrame, seed: int) -> Tensor:
    """A start (4, 4) at a stated distance from the truth: its mTRE lies within :data:`NEAR`.

    Turns of up to 8° and shifts of up to 25 mm about the middle of the landmarks, as a C-arm's header would be off
    after the patient has moved. A success rate means little without it.
    """
    rng = np.random.default_rng(seed)
    points = as_float64(landmarks[["x", "y", "z"]].to_numpy(copy=True))
    inside = transform_points(invert(truth), points)
    while True:
        offsets = as_float64(np.concatenate([rng.uniform(-8, 8, 3), rng.uniform(-25, 25, 3)]))
        pose = moved(truth, offsets, points.mean(0))
        if NEAR[0] <= (transform_points(invert(pose), points) - inside).norm(dim=1).mean() <= NEAR[1]:
            return pose


def diffpose_mtre(estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame, camera: Camera, dataset: str) -> float:
    """What DiffPose prints as mTRE: points on two detectors, and the factor of :data:`FACTOR`."""
    return evaluate.diffpose_error(estimate, truth, landmarks, camera, FACTOR.get(dataset, 1.0)).item()


def xvr_errors(estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame, camera: Camera) -> dict[str, float]:
    """The four errors that xvr writes, mm: mPE, mRPE (DiffPose's mTRE without the factor), mTRE and dGeo.

    Its mTRE carries the landmarks by the pose from the camera to the world, as if they were in camera coordinates. So
    it grows with their distance from the source.
    """
    points = as_float64(landmarks[["x", "y", "z"]].to_numpy(copy=True))
    as_camera = [transform_points(to_diffdrr(pose, "AP").matrix[0].double(), points) for pose in (estimate, truth)]
    return {
        "mPE": evaluate.mpe(estimate, truth, landmarks, camera).item(),
        "mRPE": evaluate.diffpose_error(estimate, truth, landmarks, camera).item(),
        "mTRE": (as_camera[0] - as_camera[1]).norm(dim=1).mean().item(),
        "dGeo": evaluate.geodesic(estimate, truth, camera.sid).double.item(),
    }


def corrected_errors(estimate: Tensor, truth: Tensor, landmarks: pd.DataFrame) -> dict[str, float]:
    """mTRE with the camera as the reference, and mRPD, which leaves depth out; mm."""
    return {
        "mTRE_camera": evaluate.mtre(estimate, truth, landmarks).item(),
        "mRPD": evaluate.mrpd(estimate, truth, landmarks).item(),
    }


def diffpose_success(published_mtre: float) -> bool:
    """Below a millimetre in DiffPose's measure, that is below 5.2 mm at the detector for DeepFluoro."""
    return published_mtre < SUB_MILLIMETRE


def corrected_success(mtre: float) -> bool:
    """Below a millimetre in the patient, depth included: :data:`diffpose_nb.evaluate.SUCCESS`."""
    return mtre < evaluate.success.SUCCESS
