"""Exercises of notebook 02_intrinsics."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Choices, Exercise, Mistake, example_distances


def _coin(diameter: float = 24, nearer: float = 120) -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=diameter * sid / (sod + nearer),
        unit="mm",
        mistakes=(
            Mistake(diameter * sid / sod, "SID / SOD is the magnification at the isocentre; the coin is not there."),
            Mistake(
                diameter * sid / (sod - nearer),
                "Nearer the detector is further from the source: the depth is more than SOD.",
            ),
            Mistake(
                diameter * (sod + nearer) / sid, "You shrank the shadow: it is larger than the coin, by SID / depth."
            ),
            Mistake(diameter, "A shadow is larger than what casts it, by SID / depth."),
        ),
    )


def _hidden_depth() -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=sid - sod,
        unit="mm",
        mistakes=(
            Mistake(sid, "That is how far away the source ends up. By how much did it move?"),
            Mistake(sod - sod**2 / sid, "That way the shadow grows: a longer focal length needs more depth, not less."),
            Mistake(sod, "That is where the source was. Depth has to grow by the factor SID / SOD; by how many mm?"),
        ),
    )


def _resize_principal_point(left: int = 200, columns: int = 640, factor: int = 4) -> Exercise:
    point = 511.5  # of the 1024 columns
    return Exercise(
        answer=(point - left + 0.5) / factor - 0.5,
        unit="(column)",
        tolerance=1e-3,
        mistakes=(
            Mistake(
                (point - left) / factor, "The half pixel: edges stay put, not centres, so c' = (c + 1/2) W'/W - 1/2."
            ),
            Mistake((columns / factor - 1) / 2, "That is the middle of the new image; the crop was not symmetric."),
            Mistake(
                (point + 0.5) / factor - 0.5,
                f"You binned, but did not crop: the first column is now what was column {left}.",
            ),
            Mistake(point - left, f"You cropped, but did not bin: there are only {columns // factor} columns left."),
            Mistake(
                (point + 0.5) / factor - 0.5 - left, f"Crop first: the {left} columns were counted before binning."
            ),
        ),
    )


EXERCISES: dict[str, Callable[..., Exercise]] = {
    "02-magnification": _coin,
    "02-hidden-depth": _hidden_depth,
    "02-resize-principal-point": _resize_principal_point,
}
VARIANTS: dict[str, Choices] = {
    "02-magnification": {"diameter": (16.25, 18.75, 22.25, 24.25, 25.75), "nearer": (60, 80, 100, 120, 140)},
    "02-resize-principal-point": {"left": (104, 120, 136, 152, 168, 200), "factor": (2, 4, 8)},
}
