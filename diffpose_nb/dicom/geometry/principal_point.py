"""The principal point in pixels of the stored image: the point to which the isocentre projects."""

from __future__ import annotations

from collections.abc import Sequence

from ..header import Header, nearly_equal, show_number, show_numbers, tag_label
from .spacing import SPACING_LIMITS

_mend = "Pass principal_point=(column, row) (pixels from 0)."


def find_principal_point(
    header: Header,
    shape: tuple[int, int],
    spacing: tuple[float, float] | None,
    argument: Sequence[float] | None,
) -> tuple[float, float] | None:
    """(column, row) of the principal point; None where ``header.problems`` says why there is none.

    Position of Isocenter Projection counts physical detector elements from the centre of the first one, (row, column)
    (PS3.3 C.8.19.5). The image is the part of the detector that starts at Field of View Origin. It is binned, then
    turned clockwise by Field of View Rotation, then flipped (C.8.11.4.1.1). If Position of Isocenter Projection is
    missing, the principal point is the image's centre, as the plain XA object assumes.
    """
    centre = ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
    reach = 10.0 * max(shape)  # a cropped image need not contain the point, but far off it is a mistake
    if argument is not None:
        point = header.check_argument("principal_point", argument, (-reach, reach), "pixels", 2)
        if point is None:
            return None
        given = f"principal_point=(column, row)={show_numbers(point)} was given and is used"
        position = header.numbers_or_note("PositionOfIsocenterProjection", (-1e9, 1e9), 2)
        said = f", against the file's {tag_label('PositionOfIsocenterProjection')}" if position else ""
        header.notes.append(f"{given}{said}.")
        return point[0], point[1]
    position = header.numbers("PositionOfIsocenterProjection", (0, 1e5), "detector elements", count=2, mend=_mend)
    if position is None:
        if not header.mentions("PositionOfIsocenterProjection"):
            header.notes.append("Principal point: the isocentre is taken to project to the centre of the image.")
        return centre
    if spacing is None:
        return None
    point = _from_elements(header, shape, spacing, position)
    if point is None:
        return None
    if position == (0, 0) or max(abs(point[0] - centre[0]) / shape[1], abs(point[1] - centre[1]) / shape[0]) > 1.5:
        header.problems.append(
            f"{tag_label('PositionOfIsocenterProjection')} is {show_numbers(position)}, column {show_number(point[0])} "
            f"and row {show_number(point[1])} of an image of {shape[0]} x {shape[1]}: too far off to be so. {_mend}"
        )
        return None
    header.notes.append(
        f"Principal point: column {show_number(point[0])}, row {show_number(point[1])}, from "
        f"{tag_label('PositionOfIsocenterProjection')}; the beam through the isocentre is taken to be at right angles "
        "to the detector."
    )
    return point


def _from_elements(
    header: Header, shape: tuple[int, int], spacing: tuple[float, float], position: tuple[float, ...]
) -> tuple[float, float] | None:
    """Convert physical detector elements (row, column) to pixels (column, row) of the stored image."""
    problems = len(header.problems)
    rotation = (header.numbers("FieldOfViewRotation", (0, 270), "degrees", mend=_mend) or (0.0,))[0]
    if rotation % 90:
        header.problems.append(f"{tag_label('FieldOfViewRotation')} is {show_number(rotation)}: 0, 90, … 270. {_mend}")
    flip = header.text("FieldOfViewHorizontalFlip")
    if rotation == 0 and not flip:
        header.notes.append("Field of View Rotation and Flip (0018,7032), (0018,7034): taken as 0 and NO.")
    if flip not in ("", "YES", "NO"):
        header.problems.append(f"{tag_label('FieldOfViewHorizontalFlip')} is neither YES nor NO. {_mend}")
    origin = header.numbers("FieldOfViewOrigin", (0, 1e5), "detector elements", count=2, mend=_mend)
    if len(header.problems) > problems:
        return None

    turned = rotation in (90, 270)
    (rows, columns), (row_mm, column_mm) = (shape[::-1], spacing[::-1]) if turned else (shape, spacing)
    binning = _elements_per_pixel(header, (row_mm, column_mm))
    if binning is None:
        return None
    if origin is None:
        origin = _whole_detector(header, (rows * row_mm, columns * column_mm))
        if origin is None:
            return None
    # Count elements from their edges in place of their centres, convert them to pixels, and count from centres again.
    row = (position[0] + 0.5 - origin[0]) / binning[0] - 0.5
    column = (position[1] + 0.5 - origin[1]) / binning[1] - 0.5
    for _ in range(int(rotation) // 90):
        row, column, rows, columns = column, rows - 1 - row, columns, rows
    if flip == "YES":
        column = columns - 1 - column
    return column, row


def _elements_per_pixel(header: Header, spacing: tuple[float, float]) -> tuple[float, float] | None:
    """Detector elements in a pixel, (row, column), before rotation, from the spacings or else from Detector Binning."""
    element = header.numbers_or_note("DetectorElementSpacing", SPACING_LIMITS, 2)
    if element is not None:
        ratio = spacing[0] / element[0], spacing[1] / element[1]
        if min(ratio) < 0.1 or max(ratio) > 50:
            header.problems.append(
                f"{tag_label('DetectorElementSpacing')} is {show_numbers(element)} mm, with pixels of "
                f"{show_numbers(spacing)} mm: one of them is wrong. {_mend}"
            )
            return None
        binning = header.numbers_or_note("DetectorBinning", (1, 16), 2)
        if binning is not None and not nearly_equal(binning, ratio, 0.01):
            header.notes.append(
                f"{tag_label('DetectorBinning')} is {show_numbers(binning)}; not used: pixel spacing over "
                f"{tag_label('DetectorElementSpacing')} is {show_numbers(ratio)}."
            )
        return ratio
    binning = header.numbers_or_note("DetectorBinning", (1, 16), 2)
    if binning is None:
        header.problems.append(
            f"{tag_label('PositionOfIsocenterProjection')} counts detector elements, and "
            f"{tag_label('DetectorElementSpacing')} is missing or unusable. {_mend}"
        )
        return None
    return binning[0], binning[1]


def _whole_detector(header: Header, size: tuple[float, float]) -> tuple[float, float] | None:
    """Field of View Origin where the tag is missing: 0.

    If the image is known to show less than the whole detector, a problem is added and the result is None.
    """
    label = tag_label("FieldOfViewOrigin")
    detector = header.numbers_or_note("PhysicalDetectorSize", (10, 2000), 2)
    if detector is not None and not nearly_equal(detector, size, 0.02):
        header.problems.append(
            f"{label} is missing, and the image, {show_numbers(size)} mm, is not the whole detector, "
            f"{show_numbers(detector)} mm. {_mend}"
        )
        return None
    header.notes.append(f"{label} is missing: the image is taken to start at the detector's first element.")
    return 0.0, 0.0
