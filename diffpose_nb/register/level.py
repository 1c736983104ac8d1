"""One level of a registration: CT and X-ray made equally coarse, and the cost between them with its derivatives.

Both are smoothed to about the footprint of a pixel, because derivatives of a raw CT are mostly its noise, and noise in
the Jacobian shortens every Gauss-Newton step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..images import smooth_inside
from ..render import PackedVolume, ray_jacobian
from ..similarity import NormalEquations, gradient_ncc_normal_equations, ncc_normal_equations
from .calibration import adjusted, detector_derivatives
from .stages import Stage


class NothingToCompareError(ValueError):
    """The pixels that a stage would compare are none; the message says why."""


class Level:
    """A stage made ready for one view: the smoothed CT, the binned and equally smoothed X-ray, the detector's pixels.

    Parameters
    ----------
    attenuation, valid
        (rows, columns) of the camera: the X-ray's line integrals, and which of them may be compared.
    depth
        Distance from the source to the patient, along the optical axis, mm.
    choose
        Called by :meth:`begin` with the level and the pose. It returns the pixels to compare, (rows, columns) bool, a
        part of the level's ``open``.
    """

    def __init__(
        self,
        stage: Stage,
        volume: PackedVolume,
        camera: Camera,
        attenuation: Tensor,
        valid: Tensor,
        depth: float,
        choose: Callable[[Level, Tensor], Tensor] | None = None,
    ) -> None:
        self.stage = stage
        self.volume = volume
        rows, columns = camera.shape
        binning = max(1, round(max(rows, columns) / stage.pixels))
        rows, columns = rows // binning, columns // binning
        # Rows and columns at the far end that do not fill a bin are left out.
        camera = camera.crop(0, 0, rows * binning, columns * binning).resize(rows, columns)
        blocks = (rows, binning, columns, binning)
        attenuation, valid = (image[: rows * binning, : columns * binning] for image in (attenuation, valid))
        self.open = self.valid = valid.reshape(blocks).all(3).all(1)
        binned = attenuation.reshape(blocks).mean((1, 3), dtype=torch.float64).numpy()
        # The CT's blur as it appears on the detector, in pixels.
        blur = stage.smoothing * camera.sid / depth / np.array(camera.pixel_spacing)
        self.target = torch.from_numpy(smooth_inside(binned, self.valid.numpy(), blur))
        self.camera = camera
        self._choose = choose

    def begin(self, pose: Tensor) -> None:
        """Select the pixels to compare, using the pose that the previous stage found."""
        if self._choose is not None:
            self.valid = self._choose(self, pose)
        if not self.valid.any():
            raise NothingToCompareError(
                "no pixel is left to compare: the mask covers the whole image"
                if not self.open.any()
                else "no pixel is left to compare: at this pose the structures cast no shadow on the open part of the "
                "image. Start nearer, or leave structures out in a first refinement"
            )

    def linearise(self, pose: Tensor, correction: Tensor | None = None) -> tuple[NormalEquations, Tensor]:
        """The cost at a pose with its derivatives, and the image (rows, columns), NaN where nothing is compared.

        With a ``correction`` (3,) of the detector, see :func:`diffpose_nb.register.adjusted`, there are nine
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
        """:func:`diffpose_nb.render.pose_jacobian` where the pixels are compared, zero elsewhere."""
        used = self.valid.mT.flatten().nonzero().squeeze(1)  # down the columns: neighbours share the cache
        rows, columns = camera.shape
        used = used % rows * columns + used // rows
        source, target = camera.rays(pose, torch.stack([used % columns, used // columns], 1))
        step = self.stage.step / camera.sid
        line, jacobian = ray_jacobian(self.volume, source, target, step, staggered=self.stage.staggered)
        images = line.new_zeros(7, rows * columns)
        images[:, used] = torch.cat([line[None], jacobian])
        return images[0].reshape(camera.shape), images[1:].reshape(6, *camera.shape)
