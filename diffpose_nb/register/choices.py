"""What a registration compares, and how it searches: choices of :func:`diffpose_nb.register.refine`, with defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from ..images import open_field
from ..similarity import Score, sample
from .pixels.level import Level
from .prior import Prior
from .stages import STAGES, Stage

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
        Names or numbers of labels. Only pixels in and beside the shadows of these structures are then compared, and the
        stages become as fine as their size asks for. The shadows follow the pose.
    patches
        Compare only this many patches in each stage, drawn at random, and render only their rays. Default all patches.
    score
        Where to draw these patches, see :data:`diffpose_nb.similarity.Score`. Default everywhere with the same chance.
    alone
        Whether the volume holds only a part of what the X-ray shows, such as one bone with nothing around it. Only
        pixels in and beside its shadow are then compared. None: found out, from the tissue that the X-ray shows beside
        the shadow.
    overlap
        Rays that leave the CT where the body goes on count less, see :func:`diffpose_nb.render.beyond`. If only few
        rays do not, the CT is continued there by its outermost slices, so that its faces draw no edge.
    foreign
        Leave out what no pose explains, such as screws and wires, from the third stage on.
    scatter
        Estimate how much of the signal is scatter and take it off, from the third stage on. Only of X-rays whose pixels
        are proportional to dose (LIN); without that, what is scattered cannot be told from what gets through.
    """

    valid: Tensor | Sequence[Tensor] | None = None
    structures: Sequence[str | int] | None = None
    patches: int | None = None
    score: Score | None = None
    alone: bool | None = None
    overlap: bool = True
    foreign: bool = True
    scatter: bool = True

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

    def drawn(self, level: Level, open_pixels: Tensor, seed: int) -> Tensor:
        """The pixels (rows, columns) bool of the patches that a stage compares, out of those that are open."""
        stage = level.stage
        if stage.patch is None or self.patches is None:
            return open_pixels
        weights = None if self.score is None else self.score(level.target)
        return sample(open_pixels, stage.patch, stage.stride, self.patches, weights, seed)


@dataclass(frozen=True)
class Strategy:
    """How the pose is searched for.

    Parameters
    ----------
    stages
        The schedule, from coarse to fine.
    bone
        Factor on the attenuation above that of water (plus 10 %), see :data:`BONE`. 1 leaves the CT as it is. None: it
        is estimated from the X-ray once the pose is roughly known.
    axes
        The axes in which a step is damped: "world"; "camera": those of the first view about the centre of the CT, or of
        the part that is compared; "source": the same about the source.
    calibrate
        Find the SID and the principal point too, in the last two stages. Their correction is the same in mm for all
        views and is held by :data:`diffpose_nb.register.calibration.DEVIATIONS`.
    restarts
        At most this many further attempts, from starts nearby, until the judgement is "found".
    both_sides
        Start from the other side of the patient too. Without a header, a view from the front and one from behind look
        alike. The better one is kept, and said in the reasons.
    prior
        How far the start may be off. None: 30° and 100 mm for a trunk, as much less for a smaller part. This is so wide
        that it changes nothing where the X-ray says anything.

    Raises
    ------
    ValueError
        If there is no stage, or the axes are none of the three.
    """

    stages: Sequence[Stage] = STAGES
    bone: float | None = None
    axes: Axes = "world"
    calibrate: bool = False
    restarts: int = 4
    both_sides: bool = False
    prior: Prior | None = None

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("stages is empty: a refinement has at least one")
        if self.axes not in get_args(Axes):
            raise ValueError(f"axes is {self.axes!r}: it can be {', '.join(map(repr, get_args(Axes)))}")
