"""The coarse-to-fine schedule of a registration."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..similarity import Weighting


@dataclass(frozen=True, kw_only=True)
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
        Distance between samples along a ray, mm.
    patch, stride
        Side of the patches of local NCC, and distance from one patch to the next, in pixels of the binned image.
        ``patch=None`` compares the whole image at once, its values and its gradient.
    weighting
        How much each patch counts, see :func:`diffpose_nb.similarity.local_ncc`.
    gain
        Every Gauss-Newton step is multiplied by this.
    iterations
        The stage ends after this many renderings at the latest.
    tolerance
        (radians, mm). The stage ends as soon as the next step would be smaller than both.
    damping
        The damping of Levenberg and Marquardt with which the stage begins. 0 is plain Gauss-Newton, which accepts every
        step, even one that raises the cost.
    staggered
        Samples of neighbouring rays are offset against each other, so that the errors that a finite step makes average
        out over a patch. False shows what happens otherwise; it is also slower.
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

    def scaled(self, factor: float) -> Stage:
        """The stage for a part that is ``factor`` times as large as what an X-ray of a trunk shows.

        All lengths in the patient shrink by this factor: a patch then covers the same share of the part.
        """
        return replace(
            self,
            pixels=round(self.pixels / factor),
            voxel=self.voxel * factor,
            smoothing=self.smoothing * factor,
            step=self.step * factor,
            tolerance=(self.tolerance[0], self.tolerance[1] * factor),
        )


BONE = 2.0
"""Factor by which bone attenuates an X-ray more than its CT number says. An X-ray is taken with softer radiation than a
CT (80 kV against 120 kV), and bone stops soft radiation by the photoelectric effect. Without this factor bones
attenuate too little, and the depth comes out too short. Factors from 1.6 to 2.5 do about equally well."""
STAGES = (
    Stage(
        pixels=64, voxel=3.0, smoothing=6.0, step=4.0, patch=None, stride=1,
        weighting="uniform", gain=1.5, iterations=20, tolerance=(1e-3, 0.2),
    ),
    Stage(
        pixels=64, voxel=3.0, smoothing=4.0, step=4.0, patch=13, stride=3,
        weighting="contrast", gain=1.5, iterations=20, tolerance=(1e-3, 0.2),
    ),
    Stage(
        pixels=80, voxel=1.5, smoothing=2.5, step=2.5, patch=11, stride=3,
        weighting="deviation", gain=1.0, iterations=12, tolerance=(3e-4, 0.1),
    ),
    Stage(
        pixels=160, voxel=0.7, smoothing=0.7, step=1.0, patch=9, stride=3,
        weighting="deviation", gain=1.0, iterations=20, tolerance=(1e-4, 0.025),
    ),
)  # fmt: skip
"""The default schedule. Its first stages find the pose from far away on coarse images, its last one measures it on fine
ones."""
