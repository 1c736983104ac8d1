"""One level of a registration: CT and X-ray made equally coarse, and the cost between them with its derivatives.

Both are smoothed to about the footprint of a pixel, because derivatives of a raw CT are mostly its noise, and noise in
the Jacobian shortens every Gauss-Newton step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torchio
from scipy import ndimage
from torch import Tensor

from ._cache import MadeFrom
from .camera import Camera
from .ct import MU_WATER
from .jacobian import pose_jacobian
from .render import PackedVolume, Volume
from .similarity import NormalEquations, Weighting, gradient_ncc_normal_equations, ncc_normal_equations


@dataclass(frozen=True)
class Stage:
    """One level of the coarse-to-fine schedule.

    Parameters
    ----------
    pixels
        About how many pixels the longer side of the binned X-ray keeps.
    voxel
        The CT is averaged over blocks of about this size, mm.
    smoothing
        Standard deviation of the Gaussian on CT and X-ray, mm in the patient.
    step
        Between samples along a ray, mm.
    patch, stride
        Of local NCC, pixels; None compares the whole image, its values and its gradient.
    weighting
        Of the patches, see :func:`diffpose_nb.similarity.local_ncc`.
    gain
        Factor on every step.
    iterations
        At most so many renderings.
    tolerance
        (radians, mm): the stage ends when a step is smaller.
    """

    pixels: int
    voxel: float
    smoothing: float
    step: float
    patch: int | None
    stride: int
    weighting: Weighting
    gain: float
    iterations: int
    tolerance: tuple[float, float]


BONE = 2.0
"""How much more than by its CT number bone attenuates. An X-ray is taken with softer radiation than a CT (80 kV against
120 kV), which bone stops by the photoelectric effect. Without it bones look too thin and the depth comes out 0.7 mm
short; 1.6 to 2.5 do about equally well."""


class Level:
    """A stage made ready: the smoothed CT, the binned and equally smoothed X-ray, the detector's pixels."""

    def __init__(
        self, stage: Stage, volume: PackedVolume, camera: Camera, attenuation: Tensor, valid: Tensor, depth: float
    ) -> None:
        self.stage = stage
        self.volume = volume
        rows, columns = camera.shape
        binning = max(1, round(max(rows, columns) / stage.pixels))
        rows, columns = rows // binning, columns // binning
        # the last pixels of an axis are left out if they do not fill a bin
        camera = camera.crop(0, 0, rows * binning, columns * binning).resize(rows, columns)
        blocks = (rows, binning, columns, binning)
        attenuation, valid = (image[: rows * binning, : columns * binning] for image in (attenuation, valid))
        self.valid = valid.reshape(blocks).all(3).all(1)
        binned = attenuation.reshape(blocks).mean((1, 3), dtype=torch.float64).numpy()
        blur = stage.smoothing * camera.sid / depth / np.array(camera.pixel_spacing)  # the CT's, seen by the detector
        self.target = torch.from_numpy(smooth_inside(binned, self.valid.numpy(), blur))
        self.camera = camera

    def linearise(self, pose: Tensor) -> tuple[NormalEquations, Tensor]:
        """The cost at a pose with its derivatives, and the image (rows, columns)."""
        image, jacobian = pose_jacobian(self.volume, self.camera, pose, self.stage.step)
        stage = self.stage
        if stage.patch is None:
            values = ncc_normal_equations(image, jacobian, self.target, valid=self.valid)
            return values + gradient_ncc_normal_equations(image, jacobian, self.target, self.valid), image
        equations = ncc_normal_equations(
            image, jacobian, self.target, stage.patch, stage.stride, self.valid, stage.weighting
        )
        return equations, image


def smooth_inside(image: np.ndarray, valid: np.ndarray, sigma: float | np.ndarray) -> np.ndarray:
    """A Gaussian blur to which invalid pixels, NaN for instance, contribute nothing."""
    weight = ndimage.gaussian_filter(valid.astype(float), sigma)
    return ndimage.gaussian_filter(np.where(valid, image, 0), sigma) / np.maximum(weight, 1e-6)


_levels = MadeFrom()
"""Smoothed copies of each CT: making them takes longer than a refinement."""


def smoothed(subject: torchio.Subject, stage: Stage, bone: float) -> PackedVolume:
    """The CT as a stage wants it: bone emphasised, averaged over blocks, blurred."""

    def make() -> PackedVolume:
        volume = Volume.of(subject["density"])
        values = volume.values + (bone - 1) * np.maximum(volume.values - 1.1 * MU_WATER, 0)
        return Volume(values, volume.world_from_voxel).coarsen(stage.voxel).smooth(stage.smoothing).pack()

    return _levels.get(subject["density"].data, (stage.voxel, stage.smoothing, bone), make)
