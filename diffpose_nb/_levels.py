"""One level of a registration: CT and X-ray made equally coarse, and the cost between them with its derivatives.

Both are smoothed to about the footprint of a pixel, because derivatives of a raw CT are mostly its noise, and noise in
the Jacobian shortens every Gauss-Newton step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torchio
from scipy import ndimage
from torch import Tensor

from ._cache import MadeFrom
from .calibration import adjusted, detector_derivatives
from .camera import Camera
from .ct import MU_WATER
from .frames import as_float64, transform_points
from .render import PackedVolume, Volume, integrate
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
    damping
        Of Levenberg and Marquardt, at the start. 0: plain Gauss-Newton, which takes every step.
    staggered
        Samples of neighbouring rays are offset against each other, so that errors of the step average out; False is
        there to show what happens without it, and is slow.
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
    damping: float = 1e-3
    staggered: bool = True


BONE = 2.0
"""How much more than by its CT number bone attenuates. An X-ray is taken with softer radiation than a CT (80 kV against
120 kV), which bone stops by the photoelectric effect. Without it bones look too thin and the depth comes out 0.7 mm
short; 1.6 to 2.5 do about equally well."""


class Level:
    """A stage made ready for one view: the smoothed CT, the binned and equally smoothed X-ray, the detector's pixels.

    Parameters
    ----------
    attenuation, valid
        (rows, columns) of the camera: line integrals, and which of them to compare.
    depth
        Of the patient in front of the source, mm.
    choose
        Called by :meth:`begin` with the stage, its camera, the binned X-ray, the valid pixels (rows, columns) and the
        pose; gives the pixels to compare, of the valid ones.
    """

    def __init__(
        self,
        stage: Stage,
        volume: PackedVolume,
        camera: Camera,
        attenuation: Tensor,
        valid: Tensor,
        depth: float,
        choose: Callable[[Stage, Camera, Tensor, Tensor, Tensor], Tensor] | None = None,
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
        self.open = self.valid = valid.reshape(blocks).all(3).all(1)
        binned = attenuation.reshape(blocks).mean((1, 3), dtype=torch.float64).numpy()
        blur = stage.smoothing * camera.sid / depth / np.array(camera.pixel_spacing)  # the CT's, seen by the detector
        self.target = torch.from_numpy(smooth_inside(binned, self.valid.numpy(), blur))
        self.camera = camera
        self._choose = choose

    def begin(self, pose: Tensor) -> None:
        """Choose which pixels to compare, now that the pose is known as well as the stage before knew it."""
        if self._choose is not None:
            self.valid = self._choose(self.stage, self.camera, self.target, self.open, pose)

    def linearise(self, pose: Tensor, correction: Tensor | None = None) -> tuple[NormalEquations, Tensor]:
        """The cost at a pose with its derivatives, and the image (rows, columns), NaN where nothing is compared.

        With a ``correction`` (3,) of the detector, see :func:`diffpose_nb.calibration.adjusted`, there are nine
        derivatives rather than six.
        """
        stage = self.stage
        camera = self.camera if correction is None else adjusted(self.camera, correction)
        image, jacobian = self._render(camera, pose)
        if correction is not None:
            jacobian = torch.cat([jacobian, detector_derivatives(jacobian, camera, pose)])
        if stage.patch is None:
            equations = ncc_normal_equations(image, jacobian, self.target, valid=self.valid)
            equations += gradient_ncc_normal_equations(image, jacobian, self.target, self.valid)
        else:
            equations = ncc_normal_equations(
                image, jacobian, self.target, stage.patch, stage.stride, self.valid, stage.weighting
            )
        return equations, image.where(self.valid, torch.nan)

    def _render(self, camera: Camera, pose: Tensor) -> tuple[Tensor, Tensor]:
        """:func:`diffpose_nb.jacobian.pose_jacobian` where the pixels are compared, zero elsewhere."""
        pose = as_float64(pose)
        used = self.valid.mT.flatten().nonzero().squeeze(1)  # down the columns: neighbours share the cache
        rows, columns = camera.shape
        used = used % rows * columns + used // rows
        target = transform_points(pose, camera.detector_points()[used])
        source = pose[:3, 3].expand_as(target)
        ends = (source[None], target[None]) if self.stage.staggered else (source[:, None], target[:, None])
        sums = integrate(self.volume, *ends, self.stage.step / camera.sid)
        line, whole, weighted = (values.reshape(len(used), -1) for values in sums)
        rotation = torch.linalg.cross(source, whole) + torch.linalg.cross(target - source, weighted)
        images = line.new_zeros(7, rows * columns)
        images[:, used] = torch.cat([line, rotation, whole], 1).mT
        return images[0].reshape(camera.shape), images[1:].reshape(6, *camera.shape)


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
