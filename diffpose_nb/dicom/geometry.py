"""From a frame's header, and the arguments that override it, to the numbers of a C-arm (PS3.3 C.8.7.5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .header import Header, Unusable, find_numbers, show_number, show_numbers, tag_label, tag_number

# What a projection X-ray can plausibly have. A mini C-arm has a source-to-detector distance of 350 mm, a long-leg
# stand 3000 mm; detectors have pixels of 0.1 to 0.4 mm, binned by up to 4, image intensifiers up to 1 mm.
SID_LIMITS = (300.0, 4000.0)
SOD_LIMITS = (100.0, 4000.0)
SPACING_LIMITS = (0.005, 5.0)
PRIMARY_LIMITS = (-180.0, 180.0)
SECONDARY_LIMITS = (-90.0, 90.0)
MAGNIFICATION_LIMITS = (1.0, 40.0)

MAGNIFICATION_TOLERANCE = 0.02
"""How far SID / SOD may be from the Estimated Radiographic Magnification Factor, which vendors round to 2 digits."""
SPACING_TOLERANCE = 1e-3
"""Relative difference from which two spacings count as different."""


@dataclass(frozen=True)
class Geometry:
    """One frame's geometry: mm, degrees, (row, column) spacing, (column, row) principal point."""

    sid: float
    sod: float
    primary: float
    secondary: float
    pixel_spacing: tuple[float, float]
    principal_point: tuple[float, float] | None


def read_geometry(
    header: Header,
    shape: tuple[int, int],
    *,
    sid: float | None = None,
    sod: float | None = None,
    primary: float | None = None,
    secondary: float | None = None,
    pixel_spacing: Sequence[float] | None = None,
    principal_point: Sequence[float] | None = None,
) -> Geometry | None:
    """The geometry of a frame; None where ``header.problems`` says what is missing or unusable.

    An argument that is given wins over the file. What was assumed, and each contradiction, goes to ``header.notes``.
    """
    source_detector = _take(header, "sid", sid, "DistanceSourceToDetector", SID_LIMITS, "mm")
    if source_detector is None and not _mentions(header, "DistanceSourceToDetector"):
        header.problems.append(f"{tag_label('DistanceSourceToDetector')} is missing. Pass sid=… (mm).")
    source_isocenter = _source_isocenter(header, source_detector, sod)
    angles = []
    for name, value, keyword, limits in [
        ("primary", primary, "PositionerPrimaryAngle", PRIMARY_LIMITS),
        ("secondary", secondary, "PositionerSecondaryAngle", SECONDARY_LIMITS),
    ]:
        angle = _take(header, name, value, keyword, limits, "degrees")
        if angle is None and not _mentions(header, keyword):
            header.problems.append(f"{tag_label(keyword)} is missing. Pass {name}=… (degrees).")
        angles.append(angle)
    spacing = _spacing(header, source_detector, source_isocenter, pixel_spacing)
    point = _principal_point(header, shape, principal_point)
    _refuse_tilted_detector(header)
    if header.problems or source_detector is None or source_isocenter is None or spacing is None or None in angles:
        return None
    return Geometry(source_detector[0], source_isocenter, angles[0][0], angles[1][0], spacing, point)


def _mentions(header: Header, keyword: str) -> bool:
    """Whether a problem with this tag is on the list already."""
    return any(tag_number(keyword) in problem for problem in header.problems)


def _take(
    header: Header,
    name: str,
    argument: float | Sequence[float] | None,
    keyword: str,
    limits: tuple[float, float],
    unit: str,
    count: int = 1,
) -> tuple[float, ...] | None:
    """The argument where one is given, noting what the file says; else the tag; None where it is missing or bad."""
    if argument is None:
        return header.numbers(keyword, *limits, unit, count=count, mend=f"Pass {name}=… ({unit}).")
    values = _check_argument(header, name, argument, limits, unit, count)
    if values is None:
        return None
    given = f"{name}={show_numbers(values)} {unit} was given and is used"
    try:
        found = find_numbers(header.scopes, keyword, count)
    except Unusable as reason:
        header.notes.append(f"{given}: {tag_label(keyword)} is {reason}.")
        return values
    if found is None:
        header.notes.append(f"{given}: the file has no {tag_label(keyword)}.")
    elif not _close(values, found, 1e-6):
        header.notes.append(f"{given}, against the file, whose {tag_label(keyword)} is {show_numbers(found)} {unit}.")
    return values


def _check_argument(
    header: Header,
    name: str,
    argument: float | Sequence[float],
    limits: tuple[float, float],
    unit: str,
    count: int,
) -> tuple[float, ...] | None:
    """An argument as floats, under the limits that hold for the file."""
    try:
        values = tuple(float(v) for v in argument) if isinstance(argument, Sequence) else (float(argument),)
    except (TypeError, ValueError):
        try:
            values = tuple(float(v) for v in argument)  # an array or a tensor
        except (TypeError, ValueError):
            header.problems.append(f"argument {name} is {argument!r}: {count} number(s) in {unit} are due.")
            return None
    low, high = limits
    if len(values) == count and all(math.isfinite(v) and low <= v <= high for v in values):
        return values
    wanted = f"{count} number{'s' * (count > 1)} between {show_number(low)} and {show_number(high)} {unit}"
    header.problems.append(f"argument {name} is {show_numbers(values)}: pass {wanted}.")
    return None


def _close(one: Sequence[float], other: Sequence[float], relative: float) -> bool:
    return all(math.isclose(a, b, rel_tol=relative, abs_tol=1e-9) for a, b in zip(one, other, strict=True))


def _source_isocenter(header: Header, sid: tuple[float, ...] | None, argument: float | None) -> float | None:
    """SOD: the argument, Distance Source to Isocenter, Distance Source to Patient, or SID / magnification."""
    keyword = "DistanceSourceToPatient"
    if any("DistanceSourceToIsocenter" in scope for scope in header.scopes):
        keyword = "DistanceSourceToIsocenter"
    label, factor_label = tag_label(keyword), tag_label("EstimatedRadiographicMagnificationFactor")
    sod = _take(header, "sod", argument, keyword, SOD_LIMITS, "mm")
    try:
        factor = find_numbers(header.scopes, "EstimatedRadiographicMagnificationFactor")
        bad = None if factor is None or MAGNIFICATION_LIMITS[0] < factor[0] <= MAGNIFICATION_LIMITS[1] else factor
        unusable = f"{factor_label} is {show_numbers(bad)}: not more than 1 and up to 40" if bad else ""
        factor = None if bad else factor
    except Unusable as reason:
        factor, unusable = None, f"{factor_label} is {reason}"

    if sod is None:
        if _mentions(header, keyword) or argument is not None:
            return None
        if factor is None:
            also = f", and {unusable}" if unusable else f", and so is {factor_label}"
            header.problems.append(f"{label} is missing{also}. Pass sod=… (mm), source to isocentre.")
            return None
        if sid is None:
            header.problems.append(f"{label} is missing: {factor_label} gives it only with a SID. Pass sod=… (mm).")
            return None
        sod = (sid[0] / factor[0],)
        header.notes.append(
            f"SOD: {label} is missing; taken as SID / {factor_label} = {show_number(sid[0])} / "
            f"{show_number(factor[0])} = {show_number(sod[0])} mm."
        )
        if sod[0] < SOD_LIMITS[0]:
            header.problems.append(
                f"{factor_label} is {show_number(factor[0])}: the source would be {show_number(sod[0])} mm "
                "from the isocentre. Pass sod=… (mm)."
            )
            return None
        return sod[0]

    if unusable:
        header.notes.append(f"{unusable}; not used.")
    if sid is not None and sod[0] >= sid[0]:
        header.problems.append(
            f"{label} is {show_number(sod[0])} mm: not less than the distance from source to detector, "
            f"{show_number(sid[0])} mm. Pass sod=… or sid=… (mm)."
        )
        return None
    if sid is not None and factor is not None:
        ratio = sid[0] / sod[0]
        if abs(ratio / factor[0] - 1) > MAGNIFICATION_TOLERANCE:
            found = f"{factor_label} is {show_number(factor[0])}, but SID / SOD is {show_number(ratio)}"
            if argument is None:
                header.problems.append(
                    f"{found}: {label}, {show_number(sod[0])} mm, contradicts it. "
                    "Pass sod=… (mm), with sid=… if that is what is wrong."
                )
                return None
            header.notes.append(f"{found}; not used, since sod was given.")
    if argument is None and keyword == "DistanceSourceToPatient":
        header.notes.append(
            f"SOD: {label}, {show_number(sod[0])} mm, is taken as the distance from the source to the isocentre."
        )
    return sod[0]


def _spacing(
    header: Header, sid: tuple[float, ...] | None, sod: float | None, argument: Sequence[float] | None
) -> tuple[float, float] | None:
    """(row, column) spacing at the detector, mm."""
    label = tag_label("ImagerPixelSpacing")
    spacing = _take(header, "pixel_spacing", argument, "ImagerPixelSpacing", SPACING_LIMITS, "mm", 2)
    try:
        patient = find_numbers(header.scopes, "PixelSpacing", 2)
    except Unusable as reason:
        patient = None
        if spacing is not None:
            header.notes.append(f"{tag_label('PixelSpacing')} is {reason}; not used.")
    if spacing is None:
        if argument is None and not _mentions(header, "ImagerPixelSpacing"):
            header.problems.append(f"{label} is missing. Pass pixel_spacing=(row, column) (mm at the detector).")
        return None
    if argument is None and patient is not None and not _close(patient, spacing, SPACING_TOLERANCE):
        _compare_spacings(header, patient, spacing)
    return spacing[0], spacing[1]


def _compare_spacings(header: Header, patient: tuple[float, ...], detector: tuple[float, ...]) -> None:
    """Pixel Spacing that differs from Imager Pixel Spacing is calibrated to a plane in the patient, or wrong."""
    factors = [a / b for a, b in zip(patient, detector, strict=True)]
    found = f"{tag_label('PixelSpacing')} is {show_numbers(patient)} mm"
    other = f"{tag_label('ImagerPixelSpacing')} is {show_numbers(detector)} mm"
    if min(factors) <= 0:
        header.notes.append(f"{found}; not used: {other}.")
    elif max(factors) > 1 + SPACING_TOLERANCE or abs(factors[0] / factors[1] - 1) > 0.01:
        header.problems.append(
            f"{found}, but {other}: no plane between source and detector has that spacing, so one of them is "
            "wrong. Pass pixel_spacing=(row, column) (mm at the detector)."
        )
    else:
        header.notes.append(
            f"{found}: calibrated to a plane in the patient, and not used; {other}, measured at the detector."
        )


def _principal_point(
    header: Header, shape: tuple[int, int], argument: Sequence[float] | None
) -> tuple[float, float] | None:
    """(column, row) where the isocentre projects to; None: the image's centre."""
    if argument is None:
        header.notes.append("Principal point: the isocentre is taken to project to the centre of the image.")
        return None
    reach = 10.0 * max(shape)  # off the image is possible, since images are cropped; far off is a slip
    point = _check_argument(header, "principal_point", argument, (-reach, reach), "pixels", 2)
    if point is None:
        return None
    header.notes.append(f"principal_point=(column, row)={show_numbers(point)} was given and is used.")
    return point[0], point[1]


def _refuse_tilted_detector(header: Header) -> None:
    """Detector Primary and Secondary Angle: the beam's obliquity to the detector, of which nothing is said, or 0."""
    for keyword in ("DetectorPrimaryAngle", "DetectorSecondaryAngle"):
        mend = "Only a detector at right angles to the beam is understood: correct or remove the tag."
        header.numbers(keyword, -0.1, 0.1, "degrees", mend=mend)
