"""Checks for the exercises: an answer is right, not yet, or the usual mistake, which is then named."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from . import data, dicom


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that many give, and what they most likely did."""

    answer: float
    hint: str


@dataclass(frozen=True)
class Exercise:
    """A question with a number for an answer.

    Parameters
    ----------
    answer, unit
        The right number, and its unit for messages.
    tolerance
        Relative.
    mistakes
        The usual ones.
    """

    answer: float
    unit: str
    tolerance: float = 0.01
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What :func:`check` says; shown as a sentence."""

    right: bool
    message: str

    def __repr__(self) -> str:
        return self.message


def check(name: str, answer: object) -> Verdict:
    """Check an answer.

    Parameters
    ----------
    name
        Of the exercise, such as "00-magnification".
    answer
        A number, or something that turns into one (a tensor with one element); ``...`` stands for none yet.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    if name not in EXERCISES:
        raise ValueError(f"no exercise is called {name!r}: there are {', '.join(EXERCISES)}")
    if answer is ...:
        return Verdict(False, "Not yet: put your answer in place of the three dots.")
    try:
        number = float(answer)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return Verdict(False, f"Not yet: a single number is expected, this is a {type(answer).__name__}.")
    exercise = EXERCISES[name]()
    if math.isclose(number, exercise.answer, rel_tol=exercise.tolerance):
        return Verdict(True, f"Right: {exercise.answer:.4g} {exercise.unit}.")
    for mistake in exercise.mistakes:
        if math.isclose(number, mistake.answer, rel_tol=exercise.tolerance):
            return Verdict(False, f"Not yet. {mistake.hint}")
    return Verdict(False, f"Not yet: it is not {number:.4g} {exercise.unit}.")


def _magnification() -> Exercise:
    xray = dicom.read_xray(data.EXAMPLE_XRAY)
    sid, spacing = xray.camera.sid, xray.camera.pixel_spacing[1]
    sod = xray.world_from_camera[:3, 3].norm().item()
    return Exercise(
        answer=10 * sid / sod / spacing,
        unit="pixels",
        mistakes=(
            Mistake(
                10 / spacing, "You left out the magnification: the detector is further from the source than the rib."
            ),
            Mistake(10 * sod / sid / spacing, "You shrank the shadow: it is larger than the rib, by SID / SOD."),
            Mistake(10 * sid / sod, "That is its width in mm at the detector. How many pixels is that?"),
            Mistake(
                10 * sid / sod * spacing, "You multiplied by the pixel spacing: mm divided by mm per pixel is pixels."
            ),
        ),
    )


def _depth() -> Exercise:
    xray = dicom.read_xray(data.EXAMPLE_XRAY)
    magnification = xray.camera.sid / xray.world_from_camera[:3, 3].norm().item()
    return Exercise(
        answer=5,
        unit="mm",
        mistakes=(
            Mistake(5 * magnification, "mTRE is measured in the patient, in 3D: nothing is magnified there."),
            Mistake(0, "That is what the image would tell you. mTRE is measured in 3D, where depth counts."),
        ),
    )


def _coin() -> Exercise:
    sid, sod = _distances()
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
    sid, sod = _distances()
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


def _source_height() -> Exercise:
    sid, sod = _distances()
    alpha, beta = math.radians(20), math.radians(10)
    height = sod * math.cos(alpha) * math.cos(beta)
    return Exercise(
        answer=height,
        unit="mm",
        mistakes=(
            Mistake(-height, "The right number, towards the front. The angles say where the detector is."),
            Mistake(sod, "That is its distance along the beam. The beam is oblique: cos α cos β of it go backwards."),
            Mistake(sod * math.cos(alpha), "You left out the secondary angle: the tilt takes another cos β."),
            Mistake(sod * math.cos(beta), "You left out the primary angle: the swing takes another cos α."),
            Mistake(height * (sid - sod) / sod, "That is the detector, in front. The source is on the other side."),
            Mistake(sod * math.cos(20) * math.cos(10), "Degrees went into a cosine that takes radians."),
        ),
    )


def _angle_sign() -> Exercise:
    _, sod = _distances()
    alpha, beta = math.radians(20), math.radians(10)
    return Exercise(
        answer=2 * sod * math.sin(alpha) * math.cos(beta),
        unit="mm",
        mistakes=(
            Mistake(sod * math.sin(alpha) * math.cos(beta), "That is from the middle to one of the two; double it."),
            Mistake(2 * sod * math.sin(alpha), "You left out the tilt: the circle it swings on has radius SOD cos β."),
            Mistake(2 * sod * alpha, "That is along the arc. Distance is straight, and the tilt counts too."),
            Mistake(0, "The angle has changed, so the source has: the C-arm leans to the patient's other side."),
        ),
    )


def _wrong_side() -> Exercise:
    sid, sod = _distances()
    right, wrong = sid * 40 / (sod + 60), sid * 40 / (sod - 60)
    return Exercise(
        answer=wrong - right,
        unit="mm",
        mistakes=(
            Mistake(0, "The picture looks right, but only for points at the isocentre's depth."),
            Mistake(right, "That is where the shadow belongs. How far from it does the recipe put it?"),
            Mistake(wrong, "That is where the recipe puts the shadow. How far is that from where it belongs?"),
            Mistake((wrong - right) / 2, "Half of it: z has the wrong sign in the recipe, it is not left out."),
            Mistake(
                (wrong - right) * sod / sid, "That is scaled back to the isocentre; the question is at the detector."
            ),
        ),
    )


def _distances() -> tuple[float, float]:
    """SID and SOD of the example X-ray, mm."""
    xray = dicom.read_xray(data.EXAMPLE_XRAY)
    return xray.camera.sid, xray.world_from_camera[:3, 3].norm().item()


EXERCISES: dict[str, Callable[[], Exercise]] = {
    "00-magnification": _magnification,
    "00-depth": _depth,
    "02-magnification": _coin,
    "02-hidden-depth": _hidden_depth,
    "02-resize-principal-point": _resize_principal_point,
    "04-source-height": _source_height,
    "04-angle-sign": _angle_sign,
    "04-wrong-side": _wrong_side,
}
