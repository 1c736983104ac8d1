"""One level of a registration: CT and X-ray made equally coarse, and the cost between them with its derivatives.

Both are smoothed to about the footprint of a pixel, because derivatives of a raw CT are mostly its noise, and noise in
the Jacobian shortens every Gauss-Newton step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...camera import Camera, apart, transform_points
from ...images import smoother
from ...render import PackedVolume, integrate, ray_jacobian
from ...similarity import NormalEquations, PatchEquations, gradient_ncc_normal_equations, patch_equations
from ...similarity.normal_equations import NothingToCompareError
from ..calibration import adjusted, detector_derivatives
from ..stages import Stage

_WHOLE = 30.0
"""The number of independent patches that a whole image counts for, if it is compared at once."""
_OUTLINE = 0.02
"""A pixel lies in the shadow of the CT if its line integral is more than this share of the largest."""
_NOTHING = (
    "no pixel is left to compare: at this pose what is compared casts no shadow on the open part of the image, or no "
    "ray there crosses a part of the patient that the CT holds whole. Start nearer, or leave structures out in a first "
    "refinement"
)
_DENSE = 0.5
"""If more than this share of the open pixels is compared, all of them are rendered."""
_MOVED = 0.5
"""Pixels: which of them are comparable is not asked again before the pose has moved so far."""
_NOTICEABLE = 0.01
"""A selection of pixels has changed noticeably if more than this share of it has."""


class Level:
    """A stage made ready for one view: the smoothed CT, the binned and equally smoothed X-ray, the detector's pixels.

    Parameters
    ----------
    attenuation, valid
        (rows, columns) of the camera: the X-ray's line integrals, and which of them may be compared.
    depth
        Distance from the source to the patient, along the optical axis, mm.
    pixel
        Width of the pixels after binning, mm in the patient. Default the one that leaves ``stage.pixels`` along the
        longer side.
    box
        Called by :meth:`begin` with the camera and the pose. It returns top, left, rows and columns of the pixels to
        which the level is cropped. Default all.
    choose
        Called by :meth:`begin` with the level and the pose. It returns the pixels to compare, (rows, columns) bool, a
        part of the level's ``open``.
    worth
        Called with the level, the pose and the DRR. It returns how much each pixel counts at this pose, (rows, columns)
        from 0 to 1, or None if all count the same.
    slanted
        Patches are compared beside a plane, see :func:`diffpose_nb.similarity.patch_equations`.
    """

    def __init__(
        self,
        stage: Stage,
        volume: PackedVolume,
        camera: Camera,
        attenuation: Tensor,
        valid: Tensor,
        depth: float,
        pixel: float | None = None,
        box: Callable[[Camera, Tensor], tuple[int, int, int, int]] | None = None,
        choose: Callable[[Level, Tensor], Tensor] | None = None,
        worth: Callable[[Level, Tensor, Tensor], Tensor | None] | None = None,
        slanted: bool = False,
    ) -> None:
        self.slanted = slanted
        self.stage = stage
        self.volume = volume
        rows, columns = camera.shape
        if pixel is None:
            binning = max(1, round(max(rows, columns) / stage.pixels))
        else:
            binning = max(1, round(pixel * camera.sid / depth / min(camera.pixel_spacing)))
        rows, columns = rows // binning, columns // binning
        # Rows and columns at the far end that do not fill a bin are left out.
        camera = camera.crop(0, 0, rows * binning, columns * binning).resize(rows, columns)
        blocks = (rows, binning, columns, binning)
        whole = self.open = self.valid = valid[: rows * binning, : columns * binning].reshape(blocks).all(3).all(1)
        # The CT's blur as it appears on the detector, in pixels.
        smooth = smoother(whole.numpy(), stage.smoothing * camera.sid / depth / np.array(camera.pixel_spacing))

        def target_of(attenuation: Tensor) -> Tensor:
            """(rows, columns) of the level: as coarse and as smooth as the CT."""
            part = attenuation[: rows * binning, : columns * binning].double()
            binned = part.reshape(blocks).sum(1).sum(2) / binning**2  # in this order it is several times faster
            return torch.from_numpy(smooth(binned.numpy()))

        self._pixel = camera.pixel_spacing[0] * depth / camera.sid
        self._target_of, self._crop = target_of, (slice(None), slice(None))
        self.target = target_of(attenuation)
        self.camera = camera
        self._kept: _Picture | None = None
        self._points: tuple[Tensor, Tensor, Tensor] | None = None
        self.independent = _WHOLE
        self._box, self._choose, self._worth = box, choose, worth

    def begin(self, pose: Tensor) -> None:
        """Select the pixels to compare, using the pose that the previous stage found."""
        if self._box is not None:
            top, left, rows, columns = self._box(self.camera, pose)
            crop = self._crop = slice(top, top + rows), slice(left, left + columns)
            self.open = self.valid = self.open[crop]
            self.camera, self.target = self.camera.crop(top, left, rows, columns), self.target[crop]
        if self._choose is not None:
            self.valid, self._chosen_at = self._choose(self, pose), pose
        if not self.valid.any():
            raise NothingToCompareError(
                _NOTHING if self.open.any() else "no pixel is left to compare: the mask covers the whole image"
            )

    def prepared(self, attenuation: Tensor) -> Tensor:
        """Other line integrals (rows, columns) of the same X-ray, made as coarse and smooth as the target."""
        return self._target_of(attenuation)[self._crop]

    def revise(self, pose: Tensor) -> bool:
        """Select the pixels anew at a pose that is better known; True if the selection has changed noticeably."""
        if self._choose is None or apart(pose, self._chosen_at) < _MOVED * self._pixel:
            return False
        before, after = self.valid, self._choose(self, pose)
        self._chosen_at = pose
        if not after.any() or (before ^ after).sum() < _NOTICEABLE * before.sum():
            return False
        self.valid = after
        return True

    def likeness(self, pose: Tensor, image: Tensor | None = None, worth: Tensor | None = None) -> float:
        """The local NCC at a pose, for which no derivatives are needed. The stage has to have patches.

        ``image`` and ``worth`` (rows, columns) may be given in place of those that belong to the pose; without a worth
        all pixels of that image count the same.
        """
        if image is None:
            image = self.image(pose)
            worth = self.worth_at(pose, image)
        found = self._patches(image, image.new_zeros(0, *image.shape), worth)
        return 1 - (found.weight @ found.cost).item()

    def image(self, pose: Tensor, everywhere: bool = False) -> Tensor:
        """The DRR (rows, columns) of the open pixels, zero beside them; with ``everywhere`` that of all pixels."""
        wanted = torch.ones_like(self.open) if everywhere else self.open
        image, kept = torch.zeros(self.camera.shape, dtype=torch.float64), self._kept
        if kept is not None and kept.is_of(pose, None):
            image, wanted = kept.image.clone(), wanted & ~kept.pixels
        if wanted.any():
            used, source, target = self._rays(wanted, self.camera, pose)
            line = integrate(self.volume, source[None], target[None], self.stage.step / self.camera.sid, False)[0][0]
            image.view(-1)[used] = line
        return image

    def picture(self, pose: Tensor, correction: Tensor | None = None, pixels: Tensor | None = None) -> _Picture:
        """The DRR and its derivatives at some pixels (rows, columns) bool, by default all that are open.

        The last one is kept, because pixels are chosen with the DRR of a pose at which they are then compared.
        """
        pixels = self.open if pixels is None else pixels
        kept = self._kept
        if kept is None or not kept.is_of(pose, correction) or (pixels & ~kept.pixels).any():
            self._kept = kept = self._render(pixels, pose, correction)
        return kept

    def seen(self, pose: Tensor) -> float:
        """The share of the DRR's shadow that is compared."""
        image = self.image(pose, everywhere=True)
        shadow = shadow_of(image)
        worth = self.worth_at(pose, image)
        compared = self.valid.double() if worth is None else self.valid * worth
        return (compared[shadow].sum() / shadow.sum().clamp(min=1)).item()

    def worth_at(self, pose: Tensor, image: Tensor) -> Tensor | None:
        """How much each pixel counts, for a pose and its DRR; None if all count the same."""
        return None if self._worth is None else self._worth(self, pose, image)

    @property
    def patches_across(self) -> int:
        """The number of patches in a row."""
        return (self.camera.shape[1] - self.stage.patch) // self.stage.stride + 1

    def linearise(
        self, pose: Tensor, correction: Tensor | None = None
    ) -> tuple[NormalEquations, Tensor, PatchEquations]:
        """The cost at a pose with its derivatives, the image (rows, columns), and what each patch says.

        The image is NaN where nothing is compared. A stage without patches has the whole image as its only patch.

        With a ``correction`` (3,) of the detector, see :func:`diffpose_nb.register.adjusted`, there are nine
        derivatives rather than six.
        """
        # Where most open pixels are compared, all are rendered: they may then be chosen anew without a new rendering.
        dense = self.valid.sum() > _DENSE * self.open.sum()
        picture = self.picture(pose, correction, self.open if dense else self.valid)
        image, jacobian = picture.image, picture.jacobian
        worth = self.worth_at(pose, image)
        try:
            patches = self._patches(image, jacobian, worth)
            equations = patches.mean()
            if self.stage.patch is None:
                equations += gradient_ncc_normal_equations(image, jacobian, self.target, self.valid, worth)
        except NothingToCompareError as problem:
            raise NothingToCompareError(_NOTHING) from problem
        self.independent = independent(len(patches.where), self.stage)
        seen = self.valid if worth is None else self.valid & (worth > 0.5)
        return equations, image.where(seen, torch.nan), patches

    def _patches(self, image: Tensor, jacobian: Tensor, worth: Tensor | None) -> PatchEquations:
        stage = self.stage
        return patch_equations(
            image, jacobian, self.target, stage.patch, stage.stride, self.valid, stage.weighting, worth, self.slanted
        )

    def compared(self) -> tuple[Tensor, Tensor]:
        """The pixels that are compared: (N,) their numbers, row by row, and (N, 2) (column, row).

        They are listed down the columns, so that neighbours share the processor's cache.
        """
        return self._listed(self.valid)

    def _listed(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        rows, columns = self.camera.shape
        used = pixels.mT.flatten().nonzero().squeeze(1)
        used = used % rows * columns + used // rows
        return used, torch.stack([used % columns, used // columns], 1)

    def _rays(self, pixels: Tensor, camera: Camera, pose: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The numbers (N,) of some pixels, and both ends (N, 3) of their rays."""
        if camera is not self.camera:
            used, places = self._listed(pixels)
            return used, *camera.rays(pose, places)
        if self._points is None or self._points[0] is not pixels:
            used, places = self._listed(pixels)
            self._points = pixels, used, camera.detector_points(places)
        _, used, points = self._points
        target = transform_points(pose, points)
        return used, pose[:3, 3].expand_as(target), target

    def _render(self, pixels: Tensor, pose: Tensor, correction: Tensor | None) -> _Picture:
        """:func:`diffpose_nb.render.pose_jacobian` of some pixels; it is zero elsewhere."""
        camera = self.camera if correction is None else adjusted(self.camera, correction)
        used, source, target = self._rays(pixels, camera, pose)
        step = self.stage.step / camera.sid
        line, derivatives = ray_jacobian(self.volume, source, target, step, staggered=self.stage.staggered)
        images = line.new_zeros(7, *camera.shape)
        images.flatten(1)[:, used] = torch.cat([line[None], derivatives])
        image, jacobian = images[0], images[1:]
        if correction is not None:
            jacobian = torch.cat([jacobian, detector_derivatives(jacobian, camera, pose)])
        return _Picture(pose, correction, pixels, image, jacobian)


@dataclass(frozen=True)
class _Picture:
    """A DRR (rows, columns) with its derivatives, at which pose and correction, and of which pixels."""

    pose: Tensor
    correction: Tensor | None
    pixels: Tensor
    image: Tensor
    jacobian: Tensor

    def is_of(self, pose: Tensor, correction: Tensor | None) -> bool:
        if (correction is None) != (self.correction is None) or not torch.equal(self.pose, pose):
            return False
        return correction is None or torch.equal(self.correction, correction)


def independent(patches: int, stage: Stage) -> float:
    """About how many patches that do not overlap would cover what so many patches of a stage cover."""
    if stage.patch is None:
        return _WHOLE
    return max(1.0, patches * min(1.0, (stage.stride / stage.patch) ** 2))


def shadow_of(image: Tensor) -> Tensor:
    """(rows, columns) bool: where a DRR shows something of the CT."""
    return image > _OUTLINE * image.max().clamp(min=1e-6)
