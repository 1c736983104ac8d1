"""Copies of the example CT that lie differently in the scanner and end elsewhere, as specimens of a twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torchio
from scipy import ndimage
from torch import Tensor

from ...camera import invert, make_transform, ras_from_lps, rigid_motion

_AIR = -1000
_TILT, _ENDS, _AWAY = 6.0, 20.0, 300.0
"""Degrees by which a specimen is turned in its scanner at most, mm that its CT is shorter at each end at most, and mm
from the scanner's origin to the CT at most."""
_SMOOTHING = 0.35
"""Standard deviation of the blur before a CT is sampled anew, in units of the new voxels: less would alias."""


@dataclass(frozen=True, eq=False)
class Specimen:
    """A CT on a grid along its scanner's axes.

    Parameters
    ----------
    hounsfield, labels
        (I, J, K) int16 and uint8, along the patient's left, posterior and head.
    voxel
        Size of a voxel along each axis, mm.
    origin
        (3,) LPS coordinates of the centre of the first voxel, mm.
    world_from_lps
        (4, 4) from the specimen's LPS coordinates to the world of the example CT, from which it was sampled.
    """

    hounsfield: np.ndarray
    labels: np.ndarray
    voxel: float
    origin: np.ndarray
    world_from_lps: Tensor


def specimen(subject: torchio.Subject, labels: np.ndarray, voxel: float, seed: int) -> Specimen:
    """A copy of a CT, sampled anew in voxels of ``voxel`` mm; another seed makes it lie differently and end elsewhere.

    Parameters
    ----------
    subject
        The CT.
    labels
        (I, J, K) uint8 on the grid of the CT's label map: the labels that the copy has.
    """
    rng = np.random.default_rng(seed)
    volume = subject["volume"]
    extent = np.array(volume.spatial_shape) * volume.spacing
    lower, upper = rng.uniform(0, _ENDS, 2)
    size = np.floor((extent - [0, 0, lower + upper]) / voxel).astype(int)
    middle = torch.tensor([0.0, 0.0, (lower - upper) / 2], dtype=torch.float64)
    turned = rigid_motion(rng.uniform(-_TILT, _TILT, 3), [0, 0, 0], middle)
    centre = torch.from_numpy(rng.uniform(-_AWAY, _AWAY, 3))  # of the CT, in the scanner's coordinates
    # the patient is turned about the middle of what is kept, which lies at ``centre`` of the scanner
    world_from_lps = (
        turned @ make_transform(torch.eye(3), middle) @ ras_from_lps @ make_transform(torch.eye(3), -centre)
    )
    origin = centre.numpy() - (size - 1) / 2 * voxel

    lps_from_new = np.diag([voxel, voxel, voxel, 1.0])
    lps_from_new[:3, 3] = origin
    old_from_new = np.linalg.inv(volume.affine) @ world_from_lps.numpy() @ lps_from_new
    smooth = ndimage.gaussian_filter(
        volume.data[0].numpy(), np.minimum(_SMOOTHING * voxel / np.array(volume.spacing), 3.0), mode="nearest"
    )
    place = {"matrix": old_from_new[:3, :3], "offset": old_from_new[:3, 3], "output_shape": tuple(size)}
    hounsfield = ndimage.affine_transform(smooth, order=1, cval=_AIR, **place)
    sampled = ndimage.affine_transform(labels, order=0, cval=0, **place)
    return Specimen(np.rint(hounsfield).astype(np.int16), sampled, voxel, origin, world_from_lps)


def aimed(rng: np.random.Generator, pose: Tensor, roll: float) -> Tensor:
    """The pose after a turn about the optical axis by up to ``roll`` degrees."""
    return pose @ rigid_motion([0.0, 0.0, rng.uniform(-roll, roll)], [0, 0, 0])


def lps_from_camera(made: Specimen, world_from_camera: Tensor) -> Tensor:
    """A pose in the scanner's coordinates of a specimen."""
    return invert(made.world_from_lps) @ world_from_camera
