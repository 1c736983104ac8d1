"""What a refinement knows of its X-rays and its CT, and the levels that it makes of them stage by stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ...camera import Camera, camera_axes, invert, make_transform, transform_points
from ...images import XRay
from ...render import PackedVolume, Volume, beyond, smoothed
from ...render.volumes.outside import cut_faces
from ...render.volumes.prepared import NOWHERE, smoothed_volume
from ...render.volumes.volume import Reach
from ..choices import Comparison, Strategy
from ..prior import Expectation, Prior
from ..stages import BONE, Stage
from .foreign import unexplained
from .level import Level
from .part import Part
from .scatter import Exposure, Veil, likeliest, offset_of
from .worth import Worth, is_alone, whole_rays

if TYPE_CHECKING:
    import torchio

    from ..piecewise.warp import Warp

FOV = 220.0
"""mm: what an X-ray of a trunk shows from side to side, on whose pixels the stages count."""
_BONES = (1.5, 2.0, 2.5, 3.0, 4.0)
"""Factors on bone, among which the one is chosen that the X-ray asks for. NCC alone would sometimes take less, because
a hard beam flattens bright bones; the depth would then come out 0.7 mm too short."""
_FIRST_PATCH = 21
"""Pixels: the patches of the first stage if the volume holds only a part."""
_KNOWN_FROM = 2
"""The number of stages after which the pose is known well enough to ask what it does not explain."""
_COVERED = 0.35
"""A CT that holds less than this share of an X-ray's rays whole, even if it lies in the middle of the field, is short:
it is continued beyond its cut faces, along the axes along which it is shorter than the field."""
_REACH = 120.0
"""mm: how far a short CT is continued."""
_BESIDE = 0.7
"""A CT is continued along an axis only if the beams cross it: the cosine between them is at most this. Along the beam,
how thick the patient is would be a mere guess, and it is the same for all rays."""
_AROUND = 20
"""Pixels around the shadow of a part to which a stage is cropped: as far as the part may move during the stage."""


@dataclass
class Views:
    """The X-rays of one refinement, and what the CT holds of them.

    Parameters
    ----------
    subject, xrays, start
        The CT, the X-rays, and the poses (V, 4, 4) at which they start.
    compare, search
        The choices of the caller.
    seed
        Seed of patches that are drawn at random.
    """

    subject: torchio.Subject
    xrays: list[XRay]
    start: Tensor
    compare: Comparison
    search: Strategy
    seed: int
    bone: float = field(init=False)
    """The factor on bone."""
    foreign: dict[int, Tensor] = field(init=False)
    """By the number of the view: the pixels (rows, columns) bool that no pose explains."""
    veil: Veil = field(init=False)
    """The scatter that is taken off the X-rays."""
    warp: Warp | None = field(init=False, default=None)
    """How the CT is warped before it is compared. None: not at all."""

    def __post_init__(self) -> None:
        compare = self.compare
        taken = [xray.attenuation() for xray in self.xrays]
        self.masks = compare.masks(taken)
        self.exposures = [
            Exposure(attenuation, mask, xray.camera.pixel_spacing)
            for xray, attenuation, mask in zip(self.xrays, taken, self.masks, strict=True)
        ]
        self.missing = beyond(self.subject) if compare.overlap else None
        self.part = None if compare.structures is None else Part.of(self.subject, compare.structures)
        self.begin()
        self._find_out_whether_alone()
        self.reach = self._beyond_a_short_ct()

    def begin(self) -> None:
        """Forget what an attempt found out of the X-ray: the next one may find another pose."""
        self.bone = self.search.bone or BONE
        self.foreign = {}
        self.veil, self._offsets = Veil(), [0.0] * len(self.xrays)

    @property
    def attenuations(self) -> list[Tensor]:
        """(rows, columns) of each X-ray, without the veil."""
        return [
            self.veil.taken_off(exposure, offset) if xray.relationship == "LIN" else exposure.attenuation
            for xray, exposure, offset in zip(self.xrays, self.exposures, self._offsets, strict=True)
        ]

    @property
    def _shows_scatter(self) -> bool:
        """Whether scatter is looked for: a signal that is proportional to dose shows how much of it there is."""
        return self.compare.scatter and any(xray.relationship == "LIN" for xray in self.xrays)

    @property
    def scale(self) -> float:
        """The size of the part, as a share of a trunk's."""
        return 1.0 if self.part is None else self.part.scale

    @property
    def centre(self) -> Tensor:
        """(3,) world mm: about which the patient turns."""
        if self.part is not None:
            return self.part.centre
        density = self.subject["density"]
        middle = torch.tensor([(n - 1) / 2 for n in density.spatial_shape], dtype=torch.float64)
        return transform_points(torch.from_numpy(np.asarray(density.affine, float)), middle[None])[0]

    @property
    def axes(self) -> Tensor:
        """(4, 4) ``world_from_axes``: the first camera's axes at the start, about the centre."""
        return camera_axes(self.start[0], self.centre)

    @property
    def radius(self) -> float:
        """Half the size of what is compared, mm."""
        return (FOV if self.part is None else self.part.extent) / 2

    @property
    def expectation(self) -> Expectation:
        """What is known of the pose beforehand."""
        wide = Prior()
        prior = self.search.prior or Prior(wide.rotation, [self.scale * mm for mm in wide.translation])
        return Expectation(prior, self.start[0], self.axes)

    def levels(self, stage: Stage, number: int, poses: Tensor) -> list[Level]:
        """The levels of a stage, the ``number``-th from 0, one for each view, at the poses (V, 4, 4) so far."""
        if number == _KNOWN_FROM and not self.alone:
            self.look_again(stage, poses)
        return self._levels(stage, number, self.bone)

    def renewed(self, number: int, poses: Tensor) -> list[Level] | None:
        """The levels of a stage that has ended, made anew if its better poses (V, 4, 4) show another veil, or None."""
        if number != _KNOWN_FROM or self.alone or not self._shows_scatter:
            return None
        stage = self.search.stages[number]
        return self._levels(stage, number, self.bone) if self.look_again(stage, poses) else None

    def _levels(self, stage: Stage, number: int, bone: float, soft: float = 1.0) -> list[Level]:
        if self.alone:
            stage = replace(stage, weighting="both")
        if self.alone and stage.patch is None:  # beside the part, the whole image says nothing
            stage = replace(stage, patch=_FIRST_PATCH, stride=3)
        stage, pixel, box, worth = self._fitted(stage)
        volume = self._smoothed(stage, bone, soft)
        depths = self._depths(self.start)
        levels = []
        for view, (xray, attenuation) in enumerate(zip(self.xrays, self.attenuations, strict=True)):
            choose = partial(self._choose, view, number)
            levels.append(
                Level(
                    stage, volume, xray.camera, attenuation, self.masks[view], depths[view],
                    pixel, box, choose, worth, self.alone,
                )
            )  # fmt: skip
        return levels

    def volume_at_rest(self, stage: Stage) -> Volume:
        """The CT of a stage that was fitted to the part, neither warped nor packed."""
        return smoothed_volume(self.subject, *self._how(stage, self.bone, 1.0))

    def _smoothed(self, stage: Stage, bone: float, soft: float) -> PackedVolume:
        how = self._how(stage, bone, soft)
        return (
            smoothed(self.subject, *how) if self.warp is None else self.warp(smoothed_volume(self.subject, *how)).pack()
        )

    def _how(self, stage: Stage, bone: float, soft: float) -> tuple[object, ...]:
        return stage.voxel, stage.smoothing, bone, 0.0 if self.alone else soft, self.reach

    def _fitted(
        self, stage: Stage
    ) -> tuple[Stage, float | None, Callable[[Camera, Tensor], tuple[int, int, int, int]] | None, Worth | None]:
        """The stage for the size of the part, the width of its pixels in the patient, its crop and its worth."""
        labels = () if self.part is None else self.part.labels
        near = self.part is not None
        worth = Worth.of(self.subject, labels, self.scale, self.missing, near, self.reach != NOWHERE)
        if self.part is None:
            return stage, None, None, worth
        pixel = FOV * self.scale / stage.pixels
        box = partial(self.part.box, margin=_AROUND)
        return stage.scaled(self.scale), pixel, box, worth

    def _choose(self, view: int, number: int, level: Level, pose: Tensor) -> Tensor:
        """The pixels that a level compares: those that are open, without what no pose explains."""
        chosen = level.open
        if self.compare.foreign and number >= _KNOWN_FROM and not self.alone:
            pixel = level.camera.pixel_spacing[0] * self._depths(pose[None])[0] / level.camera.sid
            # with the scatter, whose noise the limits were made for
            shown = level.prepared(self.exposures[view].attenuation)
            found = unexplained(level.picture(pose).image, shown, level.open, pixel)
            self.foreign[view] = self._on_xray(view, found, level)
            if found.any():
                chosen = chosen & ~found
        return self.compare.drawn(level, chosen, self.seed)

    def _on_xray(self, view: int, found: Tensor, level: Level) -> Tensor:
        """A mask of a level, on the pixels of the X-ray."""
        camera, fine = level.camera, self.xrays[view].camera
        rows, columns = fine.shape
        height = max(1, round(camera.shape[0] * camera.pixel_spacing[0] / fine.pixel_spacing[0]))
        width = max(1, round(camera.shape[1] * camera.pixel_spacing[1] / fine.pixel_spacing[1]))
        top = round(fine.principal_point[1] - camera.resize(height, width).principal_point[1])
        left = round(fine.principal_point[0] - camera.resize(height, width).principal_point[0])
        mask = torch.zeros(rows, columns, dtype=torch.bool)
        whole = interpolate(found[None, None].float(), (height, width))[0, 0] > 0.5
        mask[top : top + height, left : left + width] = whole[: rows - top, : columns - left]
        return mask

    def _depths(self, poses: Tensor) -> list[float]:
        """The distance of the centre from each source, along the beam, mm."""
        return [transform_points(invert(pose), self.centre[None])[0, 2].item() for pose in poses]

    def _find_out_whether_alone(self) -> None:
        """Decide whether the volume holds only a part; it is then the part that is compared."""
        whole = Part.of(self.subject, None)
        one_of_many = self.part is not None and whole.extent > 1.5 * self.part.extent
        self.alone = self.compare.alone
        if self.alone is None:
            self.alone = not one_of_many and self._shows_more()
        if self.alone and self.part is None:
            self.part = whole
        if self.alone and self.compare.overlap:
            self.missing = beyond(self.subject, self.part.scale)

    def _beyond_a_short_ct(self) -> Reach:
        """How far the CT is continued beyond its faces, mm; nowhere if it holds enough of the X-rays' rays whole."""
        if self.missing is None or self.alone:
            return NOWHERE
        middle = Part.of(self.subject, None).centre
        for xray, pose in zip(self.xrays, self.start, strict=True):
            column, row, _ = transform_points(invert(pose), middle[None])[0].tolist()
            centred = pose @ make_transform(torch.eye(3), torch.tensor([column, row, 0.0]))
            worth = whole_rays(self.missing, xray.camera, centred)
            if worth is None or (worth > 0.5).double().mean() > _COVERED:
                return NOWHERE
        density, cameras = self.subject["density"], [xray.camera for xray in self.xrays]
        fields = [
            max(n * mm for n, mm in zip(camera.shape, camera.pixel_spacing, strict=True)) * depth / camera.sid
            for camera, depth in zip(cameras, self._depths(self.start), strict=True)
        ]
        steps = np.asarray(density.affine)[:3, :3]
        spacing = np.linalg.norm(steps, axis=0)
        short = torch.from_numpy(spacing * density.spatial_shape) < max(fields)
        beside = (self.start[:, :3, 2] @ torch.from_numpy(steps / spacing)).abs().amax(0) < _BESIDE
        faces = cut_faces(self.subject)
        return tuple(
            tuple(_REACH if cut and goes_on else 0.0 for cut in ends)
            for ends, goes_on in zip(faces, short & beside, strict=True)
        )

    def _shows_more(self) -> bool:
        coarse = self.search.stages[0]
        volume = smoothed(self.subject, coarse.voxel, coarse.smoothing, BONE)
        depths = self._depths(self.start)
        for view, xray in enumerate(self.xrays):
            level = Level(coarse, volume, xray.camera, self.attenuations[view], self.masks[view], depths[view])
            if level.open.any() and is_alone(level, self.start[view], level.image(self.start[view]), self.missing):
                return True
        return False

    def look_again(self, stage: Stage, poses: Tensor) -> bool:
        """Estimate the factor on bone and the scatter at poses (V, 4, 4) that are roughly right.

        It returns whether another veil was found than before.
        """
        if stage.patch is None:
            return False
        before, levels, images, worths = self.veil, [], [], []
        self.veil = Veil()
        for soft, bone, pose in zip(self._levels(stage, 0, 0.0), self._levels(stage, 0, 1.0, 0.0), poses, strict=True):
            soft.begin(pose)
            bone.begin(pose)
            levels.append(soft)
            images.append((soft.image(pose), bone.image(pose)))
            worths.append(soft.worth_at(pose, images[-1][0]))

        def likeness(factor: float) -> float:
            """The sum over the views of how much the DRRs resemble the X-rays."""
            return sum(
                level.likeness(pose, soft + factor * bone, worth)
                for level, pose, (soft, bone), worth in zip(levels, poses, images, worths, strict=True)
            )

        def without(veil: Veil) -> float:
            self.veil = veil
            for level, attenuation in zip(levels, self.attenuations, strict=True):
                level.target = level.prepared(attenuation)
            return likeness(self.bone)

        def estimated_bone() -> float:
            return self.search.bone or max(_BONES, key=likeness)

        self.bone = estimated_bone()
        if self._shows_scatter:
            self._offsets = [
                offset_of(soft + self.bone * bone, level.target, level.open)
                for level, (soft, bone) in zip(levels, images, strict=True)
            ]
            without(likeliest(without, before))
            self.bone = estimated_bone()
        return self.veil.differs(before)
