"""The numbers of a C-arm from a frame's header and from the arguments that override it (PS3.3 C.8.7.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..header import Header, Unusable, find_numbers, show_number, show_numbers, tag_label
from .principal_point import find_principal_point
from .spacing import find_spacing

# Ranges of plausible values for a projection X-ray. A mini C-arm has a source-to-detector distance of 350 mm, a
# long-leg stand has 3000 mm, and the focal spot of an X-ray tube is at least 100 mm inside the tube's housing.
SID_LIMITS = (300.0, 4000.0)
SOD_LIMITS = (100.0, 4000.0)
PRIMARY_LIMITS = (-180.0, 180.0)
SECONDARY_LIMITS = (-90.0, 90.0)
MAGNIFICATION_LIMITS = (1.0 + 1e-6, 40.0)
NO_ANGLES = (
    "Angles: they are not used, since the start comes from elsewhere. The nominal pose is the frontal one, and the "
    "image is taken as seen from the detector."
)
"""The note of an X-ray that is read without its angles."""
MAGNIFICATION_TOLERANCE = 0.02
"""Largest relative difference between SID / SOD and the Estimated Radiographic Magnification Factor. Vendors round the
factor to 2 digits."""


@dataclass(frozen=True)
class Geometry:
    """The geometry of one frame, in mm and degrees. The spacing is (row, column), the principal point (column, row)."""

    sid: float
    sod: float
    primary: float
    secondary: float
    pixel_spacing: tuple[float, float]
    principal_point: tuple[float, float]


def read_geometry(
    header: Header,
    shape: tuple[int, int],
    *,
    frame: int = 0,
    frames: int = 1,
    sid: float | None = None,
    sod: float | None = None,
    primary: float | None = None,
    secondary: float | None = None,
    pixel_spacing: Sequence[float] | None = None,
    principal_point: Sequence[float] | None = None,
    angles: bool = True,
) -> Geometry | None:
    """Read the geometry of a frame; None if something is missing or unusable. ``header.problems`` then says what.

    An argument that is given overrides the file. Each assumption is added to ``header.notes``, and so is each value of
    the file that contradicts an argument.
    """
    distance = header.take("sid", sid, "DistanceSourceToDetector", SID_LIMITS, "mm")
    if distance is None and sid is None and not header.mentions("DistanceSourceToDetector"):
        header.problems.append(f"{tag_label('DistanceSourceToDetector')} is missing. Pass sid=… (mm).")
    source_detector = distance[0] if distance else None
    source_isocenter = _source_isocenter(header, source_detector, sod, sid is not None)
    if angles:
        alpha = _angle(header, "primary", primary, "PositionerPrimaryAngle", PRIMARY_LIMITS, frame, frames)
        beta = _angle(header, "secondary", secondary, "PositionerSecondaryAngle", SECONDARY_LIMITS, frame, frames)
    else:
        alpha = beta = 0.0
        header.notes.append(NO_ANGLES)
    spacing = find_spacing(header, source_detector, source_isocenter, pixel_spacing)
    point = find_principal_point(header, shape, spacing, principal_point)
    _refuse_tilted_detector(header)
    found = (source_detector, source_isocenter, alpha, beta, spacing, point)
    return None if header.problems or None in found else Geometry(*found)


def _angle(
    header: Header,
    name: str,
    argument: float | None,
    keyword: str,
    limits: tuple[float, float],
    frame: int,
    frames: int,
) -> float | None:
    """Read a positioner angle of one frame. In plain XA an increment is added for the frame (PS3.3 C.8.7.5.1.3)."""
    angle = header.take(name, argument, keyword, limits, "degrees")
    if angle is None:
        if argument is None and not header.mentions(keyword):
            view = _view_hint(header, name)
            header.problems.append(f"{tag_label(keyword)} is missing. Pass {name}=… (degrees).{view}")
        return None
    if argument is not None:
        return angle[0]
    increment = _increment(header, name, keyword + "Increment", frame, frames)
    if increment is None:
        return None
    total = angle[0] + increment
    if name == "primary" and not limits[0] <= total <= limits[1]:
        total = (total + 180) % 360 - 180
    if not limits[0] <= total <= limits[1]:
        header.problems.append(
            f"{tag_label(keyword)} is {show_number(angle[0])} and {tag_label(keyword + 'Increment')} makes it "
            f"{show_number(total)} degrees at frame {frame}. Pass {name}=… (degrees)."
        )
        return None
    return total


def _increment(header: Header, name: str, keyword: str, frame: int, frames: int) -> float | None:
    """How far an angle has changed at a frame.

    The tag holds either one value, the step from frame to frame, or one offset for each frame.
    """
    motion = header.text("PositionerMotion")
    mend = f"Pass {name}=… (degrees), the angle of frame {frame}."
    try:
        steps = find_numbers(header.scopes, keyword, None)
    except Unusable as reason:
        header.problems.append(f"{tag_label(keyword)} is {reason}. {mend}")
        return None
    if steps is None:
        if motion == "DYNAMIC" and frame > 0:
            header.problems.append(f"{tag_label(keyword)} is missing, and the C-arm moved between frames. {mend}")
            return None
        if frame > 0 and motion != "STATIC" and name == "primary":
            header.notes.append(
                f"{tag_label('PositionerMotion')} and {tag_label(keyword)} are missing: the C-arm is taken to be at "
                f"frame {frame} where it was at the first."
            )
        return 0.0
    if len(steps) not in (1, frames) or not all(-360 <= step <= 360 for step in steps):
        header.problems.append(
            f"{tag_label(keyword)} has {len(steps)} value(s) between {show_number(min(steps))} and "
            f"{show_number(max(steps))}: one, or one for each of {frames} frame(s), within 360 degrees, is needed. "
            f"{mend}"
        )
        return None
    offset = steps[frame] if len(steps) > 1 else frame * steps[0]
    if offset and motion == "STATIC":
        header.problems.append(
            f"{tag_label(keyword)} is {show_number(offset)} degrees at frame {frame}, but "
            f"{tag_label('PositionerMotion')} is STATIC. {mend}"
        )
        return None
    return offset


def _view_hint(header: Header, name: str) -> str:
    """A hint for the message: the angle that View Position stands for.

    Radiography has View Position in place of angles. It is too coarse to be used as an angle.
    """
    views = {"PA": (0, 0), "AP": (180, 0), "LL": (90, 0), "RL": (-90, 0)}
    view = header.text("ViewPosition")
    if view not in views:
        return ""
    angle = views[view][name == "secondary"]
    return f" {tag_label('ViewPosition')} is {view}, for which {name}={angle} is nominal."


def _source_isocenter(header: Header, sid: float | None, argument: float | None, sid_was_given: bool) -> float | None:
    """The SOD from the argument, or else Distance Source to Isocenter or to Patient, or else SID / magnification."""
    keyword = "DistanceSourceToPatient"
    if any("DistanceSourceToIsocenter" in scope for scope in header.scopes):
        keyword = "DistanceSourceToIsocenter"
    label, factor_label = tag_label(keyword), tag_label("EstimatedRadiographicMagnificationFactor")
    found = header.take("sod", argument, keyword, SOD_LIMITS, "mm")
    before = len(header.notes)
    factor = header.numbers_or_note("EstimatedRadiographicMagnificationFactor", MAGNIFICATION_LIMITS)

    if found is None:
        if argument is not None or header.mentions(keyword):
            return None
        if factor is None or sid is None:
            bad = " ".join(header.notes[before:]).replace("; not used.", "")
            also = f", and {bad}" if bad else "" if factor else f", and so is {factor_label}"
            header.problems.append(f"{label} is missing{also}. Pass sod=… (mm), source to isocentre.")
            return None
        sod = sid / factor[0]
        taken = f"SID / {factor_label} = {show_number(sid)} / {show_number(factor[0])} = {show_number(sod)} mm"
        if sod < SOD_LIMITS[0]:
            header.problems.append(f"{label} is missing, and {taken}, which no C-arm has. Pass sod=… (mm).")
            return None
        header.notes.append(f"SOD: {label} is missing; taken as {taken}.")
        return sod

    sod = found[0]
    if sid is not None and sod >= sid:
        header.problems.append(
            f"{label} is {show_number(sod)} mm: not less than the distance from source to detector, "
            f"{show_number(sid)} mm. Pass sod=… or sid=… (mm)."
        )
        return None
    if sid is not None and factor is not None and abs(sid / sod / factor[0] - 1) > MAGNIFICATION_TOLERANCE:
        contradiction = f"{factor_label} is {show_number(factor[0])}, but SID / SOD is {show_number(sid / sod)}"
        if argument is None and not sid_was_given:
            header.problems.append(
                f"{contradiction}: {label}, {show_number(sod)} mm, contradicts it. "
                "Pass sod=… (mm), with sid=… if that is what is wrong."
            )
            return None
        header.notes.append(f"{contradiction}; not used, since {'sod' if argument is not None else 'sid'} was given.")
    if argument is None and keyword == "DistanceSourceToPatient":
        header.notes.append(
            f"SOD: {label}, {show_number(sod)} mm, is taken as the distance from the source to the isocentre."
        )
    return sod


def _refuse_tilted_detector(header: Header) -> None:
    """Add a problem if the beam is oblique to the detector (PS3.3 C.8.7.5.1.4, C.8.7.6) or if the source moved."""
    for keyword in ("DetectorPrimaryAngle", "DetectorSecondaryAngle", "ColumnAngulation"):
        mend = "Only a detector at right angles to the beam is understood: correct or remove the tag."
        header.numbers(keyword, (-0.1, 0.1), "degrees", mend=mend)
    if header.scopes and any("TomoAngle" in scope for scope in header.scopes):
        angle = header.numbers_or_note("TomoAngle", (-360, 360))
        if angle is not None and angle[0]:
            header.problems.append(
                f"{tag_label('TomoAngle')} is {show_numbers(angle)} degrees: the source moved during the exposure, "
                "so there is no one pose."
            )
