"""What a registration compares, and how it searches: choices of :func:`diffpose_nb.register.refine`, with defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torchio
from torch import Tensor

from ..images import open_field
from ..similarity import Score, sample, shadow
from .level import Level
from .stages import BONE, STAGES, Stage

Axes = Literal["world", "camera", "source"]


@dataclass(frozen=True)
class Comparison:
    """Which pixels of an X-ray are compared with the DRR. The default is all that the collimator leaves open.

    Parameters
    ----------
    valid
        (rows, columns) bool, one mask for each X-ray: the pixels that may be compared. Default what
        :func:`diffpose_nb.images.open_field` finds.
    structures
        Names or numbers of labels. Local NCC then compares only patches in or beside the shadows of these structures;
        each stage casts the shadows from the pose that the stage before it found.
    patches
        Compare only this many patches in each stage, drawn at random, and render only their rays. Default all patches.
    score
        Where to draw these patches, see :data:`diffpose_nb.similarity.Score`. Default everywhere with the same chance.
    """

    valid: Tensor | Sequence[Tensor] | None = None
    structures: Sequence[str | int] | None = None
    patches: int | None = None
    score: Score | None = None

    def masks(self, attenuations: Sequence[Tensor]) -> list[Tensor]:
        """The mask (rows, columns) of each image of line integrals.

        Raises
        ------
        ValueError
            If ``valid`` is not one mask for each of them, of the same rows and columns.
        """
        if self.valid is None:
            return [open_field(image) for image in attenuations]
        masks = [self.valid] if isinstance(self.valid, Tensor) else list(self.valid)
        if [mask.shape for mask in masks] != [image.shape for image in attenuations]:
            found = [tuple(mask.shape) for mask in masks]
            raise ValueError(f"valid is {found}: it is a mask of each X-ray's rows and columns")
        return [mask.bool() for mask in masks]

    def pixels(self, subject: torchio.Subject, level: Level, pose: Tensor, seed: int) -> Tensor:
        """The pixels that a stage compares, (rows, columns) bool, given the pose that it starts from."""
        stage, chosen = level.stage, level.open
        if stage.patch is None:
            return chosen
        if self.structures is not None:
            chosen = chosen & shadow(subject, level.camera, pose, self.structures, stage.patch)
        if self.patches is not None:
            weights = None if self.score is None else self.score(level.target)
            chosen = sample(chosen, stage.patch, stage.stride, self.patches, weights, seed)
        return chosen


@dataclass(frozen=True)
class Strategy:
    """How the pose is searched for.

    Parameters
    ----------
    stages
        The schedule, from coarse to fine.
    bone
        Factor on the attenuation above that of water (plus 10 %), see :data:`BONE`. 1 leaves the CT as it is.
    axes
        The axes in which a step is damped: "world"; "camera": those of the first view about the centre of the CT;
        "source": the same about the source.
    calibrate
        Find the SID and the principal point too, in the last two stages. Their correction is the same in mm for all
        views and is held by :data:`diffpose_nb.register.calibration.DEVIATIONS`.
    restarts
        At most this many further attempts, from starts nearby, while local NCC is under :data:`LOST`.

    Raises
    ------
    ValueError
        If there is no stage, or the axes are none of the three.
    """

    stages: Sequence[Stage] = STAGES
    bone: float = BONE
    axes: Axes = "world"
    calibrate: bool = False
    restarts: int = 4

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("stages is empty: a refinement has at least one")
        if self.axes not in get_args(Axes):
            raise ValueError(f"axes is {self.axes!r}: it can be {', '.join(map(repr, get_args(Axes)))}")
