"""The coarse-to-fine schedule of a registration."""

from __future__ import annotations

from dataclasses import dataclass

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
        weighting="deviation", gain=1.0, iterations=20, tolerance=(1e-4, 0.05),
    ),
)  # fmt: skip
"""The default schedule, from a wide basin to fine detail."""
