"""Finding a frame's tags: at the top level, or in the functional groups of enhanced objects (PS3.3 C.7.6.16)."""

from __future__ import annotations

from pydicom.dataset import Dataset

from .header import Header, Unusable, find_items, find_numbers, show_number, tag_label

_macros = (
    "PositionerPositionSequence",
    "XRayGeometrySequence",
    "FramePixelDataPropertiesSequence",
    "FieldOfViewSequence",
    "PatientOrientationInFrameSequence",
    "PixelValueTransformationSequence",
    "IsocenterReferenceSystemSequence",
    "TablePositionSequence",
)


def frame_scopes(dataset: Dataset, frame: int) -> list[Dataset]:
    """The data sets in which to look for a tag of a frame: its own groups, the groups of all frames, the top level."""
    return [*_group_items(dataset, frame), dataset]


def _group_items(dataset: Dataset, frame: int) -> list[Dataset]:
    items = []
    for keyword, index in [("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)]:
        groups = find_items([dataset], keyword)
        for macro in _macros if index < len(groups) else ():
            items += find_items([groups[index]], macro)[:1]
    return items


def note_unused_systems(header: Header) -> None:
    """Add a note with the isocentre reference system and the table position, since the pose does not use them."""
    found = []
    for keyword in (*ISOCENTER_SYSTEM, *TABLE):
        try:
            values = find_numbers(header.scopes, keyword)
        except Unusable:
            continue
        if values is not None:
            found.append(f"{tag_label(keyword)} {show_number(values[0])}")
    if found:
        header.notes.append(f"The pose does not use the room's frame or the table: {', '.join(found)}.")


ISOCENTER_SYSTEM = (
    "PositionerIsocenterPrimaryAngle",
    "PositionerIsocenterSecondaryAngle",
    "PositionerIsocenterDetectorRotationAngle",
    "TableXPositionToIsocenter",
    "TableYPositionToIsocenter",
    "TableZPositionToIsocenter",
    "TableHorizontalRotationAngle",
    "TableHeadTiltAngle",
    "TableCradleTiltAngle",
)
"""Tags that say where the C-arm stood in the room (PS3.3 C.8.19.6.13), in degrees and mm."""
TABLE = (
    "TableTopVerticalPosition",
    "TableTopLongitudinalPosition",
    "TableTopLateralPosition",
    "TableHeight",
    "TableAngle",
)
"""Tags that say where the table stood (PS3.3 C.8.7.4, C.8.19.6.11), in mm and degrees."""
