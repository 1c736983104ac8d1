"""Exercises of notebook 02_intrinsics."""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Exercise, Mistake, example_distances


def _coin() -> Exercise:
    sid, sod = example_distances()
    return Exercise(
        answer=24 * sid / (sod + 120),
        unit="mm",
        mistakes=(
            Mistake(24 * sid / sod, "SID / SOD is the magnification at the isocentre; the coin is not there."),
            Mistake(
                24 * sid / (sod - 120), "Nearer the detector is further from the source: the depth is more than SOD."
            ),
            Mistake(24 * (sod + 120) / sid, "You shrank the shadow: it is larger than the coin, by SID / depth."),
            Mistake(24, "A shadow is larger than what casts it, by SID / depth."),
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


def _resize_principal_point() -> Exercise:
    return Exercise(
        answer=(511.5 - 200 + 0.5) / 4 - 0.5,
        unit="(column)",
        tolerance=1e-3,
        mistakes=(
            Mistake((511.5 - 200) / 4, "The half pixel: edges stay put, not centres, so c' = (c + 1/2) W'/W - 1/2."),
            Mistake((160 - 1) / 2, "That is the middle of the new image; the crop was not symmetric."),
            Mistake(
                (511.5 + 0.5) / 4 - 0.5, "You binned, but did not crop: the first column is now what was column 200."
            ),
            Mistake(511.5 - 200, "You cropped, but did not bin: there are only 160 columns left."),
            Mistake((511.5 + 0.5) / 4 - 0.5 - 200, "Crop first: the 200 columns were counted before binning."),
        ),
    )


EXERCISES: dict[str, Callable[[], Exercise]] = {
    "02-magnification": _coin,
    "02-hidden-depth": _hidden_depth,
    "02-resize-principal-point": _resize_principal_point,
}
