"""The pixel spacing at the detector, and how to compute it where the file has another spacing (PS3.3 10.7.1)."""

from __future__ import annotations

from collections.abc import Sequence

from ..header import Header, nearly_equal, show_numbers, tag_label

SPACING_LIMITS = (0.005, 5.0)
"""Plausible spacings, mm. Detectors have pixels of 0.07 to 0.4 mm, binned by up to 4; image intensifiers have pixels of
up to 1 mm."""
SPACING_TOLERANCE = 1e-3
"""Relative difference above which two spacings count as different."""
_mend = "Pass pixel_spacing=(row, column) (mm at the detector)."


def find_spacing(
    header: Header, sid: float | None, sod: float | None, argument: Sequence[float] | None
) -> tuple[float, float] | None:
    """(row, column) spacing at the detector, mm; None where ``header.problems`` says why there is none.

    It is Imager Pixel Spacing, or else Detector Element Spacing times Detector Binning. Otherwise it is computed from
    Pixel Spacing, if the file says that this was calibrated: Pixel Spacing is then converted from the plane of the
    isocentre to the detector.
    """
    spacing = header.take("pixel_spacing", argument, "ImagerPixelSpacing", SPACING_LIMITS, "mm", 2)
    if argument is not None or header.mentions("ImagerPixelSpacing"):
        return None if spacing is None else (spacing[0], spacing[1])
    label = tag_label("ImagerPixelSpacing")
    patient = header.numbers_or_note("PixelSpacing", SPACING_LIMITS, 2)
    if spacing is None:
        spacing = _from_elements(header)
        label = f"{tag_label('DetectorElementSpacing')} times {tag_label('DetectorBinning')}"
    if spacing is None:
        return _from_patient(header, patient, sid, sod)
    if patient is not None and not nearly_equal(patient, spacing, SPACING_TOLERANCE):
        _compare(header, patient, spacing, label)
    return spacing[0], spacing[1]


def _from_elements(header: Header) -> tuple[float, float] | None:
    """Detector Element Spacing times Detector Binning, both (row, column); None if either is missing or unusable."""
    element = header.numbers_or_note("DetectorElementSpacing", SPACING_LIMITS, 2)
    binning = header.numbers_or_note("DetectorBinning", (1, 16), 2)
    if element is None or binning is None:
        return None
    spacing = element[0] * binning[0], element[1] * binning[1]
    if not all(SPACING_LIMITS[0] <= mm <= SPACING_LIMITS[1] for mm in spacing):
        return None
    header.notes.append(
        f"Pixel spacing: {tag_label('ImagerPixelSpacing')} is missing; taken as {tag_label('DetectorElementSpacing')} "
        f"times {tag_label('DetectorBinning')}, {show_numbers(spacing)} mm."
    )
    return spacing


def _from_patient(
    header: Header, patient: tuple[float, ...] | None, sid: float | None, sod: float | None
) -> tuple[float, float] | None:
    """Convert Pixel Spacing, which was measured in a plane of the patient, to the spacing at the detector."""
    missing = f"{tag_label('ImagerPixelSpacing')} is missing"
    if patient is None:
        header.problems.append(f"{missing}, and so is what could stand in for it. {_mend}")
        return None
    found = f"{tag_label('PixelSpacing')} is {show_numbers(patient)} mm"
    if sid is None or sod is None:
        header.problems.append(
            f"{missing}, and {tag_label('PixelSpacing')}, {show_numbers(patient)} mm, cannot be carried to "
            f"the detector without SID and SOD. {_mend}"
        )
        return None
    carried = patient[0] * sid / sod, patient[1] * sid / sod
    kind = header.text("PixelSpacingCalibrationType")
    if kind not in ("GEOMETRY", "FIDUCIAL"):
        header.problems.append(
            f"{missing}; {found}, and without {tag_label('PixelSpacingCalibrationType')} it cannot be known whether "
            f"that is at the detector or in the patient. Pass pixel_spacing=({patient[0]:.6g}, {patient[1]:.6g}) if at "
            f"the detector, ({carried[0]:.6g}, {carried[1]:.6g}) if in the plane of the isocentre."
        )
        return None
    if not all(SPACING_LIMITS[0] <= mm <= SPACING_LIMITS[1] for mm in carried):
        header.problems.append(f"{missing}; {found}, at the detector {show_numbers(carried)} mm. {_mend}")
        return None
    header.notes.append(
        f"Pixel spacing: {missing}; {found}, calibrated ({kind}) to a plane whose depth the file does not tell. Taken "
        f"as the isocentre's: the spacing at the detector is SID / SOD times as much, {show_numbers(carried)} mm."
    )
    return carried


def _compare(header: Header, patient: tuple[float, ...], detector: tuple[float, ...], label: str) -> None:
    """Add a note or a problem where Pixel Spacing differs from the spacing at the detector.

    It is then either calibrated to a plane in the patient, or wrong.
    """
    factors = [a / b for a, b in zip(patient, detector, strict=True)]
    found = f"{tag_label('PixelSpacing')} is {show_numbers(patient)} mm"
    other = f"{label} is {show_numbers(detector)} mm"
    if max(factors) > 1 + SPACING_TOLERANCE or abs(factors[0] / factors[1] - 1) > 0.01:
        header.problems.append(
            f"{found}, but {other}: no plane between source and detector has that spacing, so one of them is "
            f"wrong. {_mend}"
        )
    else:
        header.notes.append(
            f"{found}: calibrated to a plane in the patient, and not used; {other}, measured at the detector."
        )
