"""Writing an Enhanced X-Ray Angiographic Image of one frame (PS3.3 A.47).

Its geometry is in functional groups and in the detector's module.
"""

from __future__ import annotations

import math

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ...images import XRay
from ..errors import DicomError
from ..geometry.orientation import implied_orientation
from .identity import CONTENT_DATE, CONTENT_TIME, add_identity, code, content_uid
from .objects import decimal_string, image_of, positioner_of


def build_enhanced_xa(xray: XRay) -> Dataset:
    """Build the data set.

    The image is taken as the whole detector. The patient is taken to lie supine, head first, on a table at the
    isocentre.
    """
    if xray.relationship != "LIN":
        raise DicomError(
            f"relationship is {xray.relationship}, and an Enhanced XA object then needs a lookup table to the beam, "
            "which is not known. Write kind='XA'."
        )
    primary, secondary, sod = positioner_of(xray)
    _require_principal_point_on_image(xray)
    dataset = image_of(xray, has_rescale=False)
    del dataset.PixelIntensityRelationship  # it is in a functional group here
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.12.1.1"
    dataset.Modality = "XA"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "", "NONE"]
    dataset.NumberOfFrames = 1
    dataset.BurnedInAnnotation = "NO"
    dataset.PresentationLUTShape = "IDENTITY"
    _add_acquisition(dataset)
    _add_detector(dataset, xray)
    _add_room(dataset)
    shared, frame = Dataset(), Dataset()
    _add_geometry(shared, xray, sod)
    _add_isocenter_system(shared, primary, secondary)
    _add_nominal_groups(shared, dataset)
    moment = dataset.AcquisitionDateTime
    frame.FrameContentSequence = [
        _item(FrameReferenceDateTime=moment, FrameAcquisitionDateTime=moment, FrameAcquisitionDuration=0.0)
    ]
    frame.PositionerPositionSequence = [
        _item(PositionerPrimaryAngle=decimal_string(primary), PositionerSecondaryAngle=decimal_string(secondary))
    ]
    frame.PatientOrientationInFrameSequence = [_item(PatientOrientation=implied_orientation(xray.world_from_camera))]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [frame]
    # Position of Isocenter Projection requires this sequence. The validator dciodvfy looks for it at the top only.
    dataset.IsocenterReferenceSystemSequence = shared.IsocenterReferenceSystemSequence
    return add_identity(dataset)


def _item(**tags: object) -> Dataset:
    """An item of a sequence, with these tags."""
    item = Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return item


def _require_principal_point_on_image(xray: XRay) -> None:
    (rows, columns), (column, row) = xray.camera.shape, xray.camera.principal_point
    if not (0 < column < columns and 0 < row < rows):
        raise DicomError(
            f"the principal point is {xray.camera.principal_point}, off the image, which is written as "
            "the whole detector here. Crop less."
        )


def _add_acquisition(dataset: Dataset) -> None:
    """Add XA/XRF Acquisition (C.8.19.3) and equipment (C.7.5.2). 0 stands for values that an XRay does not have."""
    dataset.ImageComments = "Exposure values of 0 are not known."
    dataset.DeviceSerialNumber = dataset.SoftwareVersions = "0"
    dataset.AcquisitionDateTime = CONTENT_DATE + CONTENT_TIME
    dataset.AcquisitionContextSequence = Sequence()
    dataset.ContentQualification = "RESEARCH"
    dataset.PlanesInAcquisition = "SINGLE PLANE"
    dataset.PlaneIdentification = "MONOPLANE"
    dataset.KVP = dataset.AveragePulseWidth = "0"
    dataset.RadiationSetting, dataset.RadiationMode = "GR", "PULSED"
    dataset.ExposureInmAs = dataset.AcquisitionDuration = 0.0
    dataset.XRayReceptorType = "DIGITAL_DETECTOR"
    dataset.DistanceReceptorPlaneToDetectorHousing = None
    dataset.AcquiredImageAreaDoseProduct = None
    dataset.PositionerType = "CARM"
    dataset.CArmPositionerTabletopRelationship = "YES"


def _add_detector(dataset: Dataset, xray: XRay) -> None:
    """Add X-Ray Detector (C.8.19.5). The image is taken as the whole detector, with one element for each pixel."""
    (rows, columns), (row_mm, column_mm) = xray.camera.shape, xray.camera.pixel_spacing
    column, row = xray.camera.principal_point
    dataset.DetectorType = "DIRECT"
    dataset.DetectorElementSpacing = [decimal_string(row_mm), decimal_string(column_mm)]
    dataset.DetectorBinning = ["1", "1"]
    dataset.PhysicalDetectorSize = [rows * row_mm, columns * column_mm]
    dataset.PositionOfIsocenterProjection = [row, column]


def _add_room(dataset: Dataset) -> None:
    """Add how the patient lies, and the frame of reference (C.7.4, C.8.11.5.1.2)."""
    supine = code("102538003", "SCT", "recumbent")
    supine.PatientOrientationModifierCodeSequence = [code("40199007", "SCT", "supine")]
    dataset.PatientOrientationCodeSequence = [supine]
    dataset.PatientGantryRelationshipCodeSequence = [code("102540008", "SCT", "headfirst")]
    dataset.FrameOfReferenceUID = content_uid("frame of reference", "")
    dataset.PositionReferenceIndicator = ""
    dataset.SynchronizationFrameOfReferenceUID = content_uid("synchronization", "")
    dataset.SynchronizationTrigger = "NO TRIGGER"
    dataset.AcquisitionTimeSynchronized = "N"


def _add_geometry(groups: Dataset, xray: XRay, sod: float) -> None:
    """Add X-Ray Geometry, Field of View and Frame Pixel Data Properties (C.8.19.6.14, .2, .4)."""
    camera = xray.camera
    groups.XRayGeometrySequence = [
        _item(DistanceSourceToIsocenter=sod, DistanceSourceToDetector=decimal_string(camera.sid))
    ]
    groups.FieldOfViewSequence = [
        _item(FieldOfViewOrigin=["0", "0"], FieldOfViewRotation="0", FieldOfViewHorizontalFlip="NO")
    ]
    groups.FramePixelDataPropertiesSequence = [
        _item(
            FrameType=["ORIGINAL", "PRIMARY", "", "NONE"],
            ImagerPixelSpacing=[decimal_string(mm) for mm in camera.pixel_spacing],
            PixelIntensityRelationship=xray.relationship,
            PixelIntensityRelationshipSign=xray.sign,
            GeometricalProperties="UNIFORM",
            ImageProcessingApplied="NONE",
        )
    ]


def _add_isocenter_system(groups: Dataset, primary: float, secondary: float) -> None:
    """Add Isocenter Reference System (C.8.19.6.13).

    For a patient who lies supine, head first, its angles equal the positioner angles relative to the patient.
    """
    table = {"TableHorizontalRotationAngle": 0.0, "TableHeadTiltAngle": 0.0, "TableCradleTiltAngle": 0.0}
    groups.IsocenterReferenceSystemSequence = [
        _item(
            PositionerIsocenterPrimaryAngle=primary,
            PositionerIsocenterSecondaryAngle=secondary,
            PositionerIsocenterDetectorRotationAngle=0.0,
            TableXPositionToIsocenter=0.0,
            TableYPositionToIsocenter=0.0,
            TableZPositionToIsocenter=0.0,
            **table,
        )
    ]
    groups.TablePositionSequence = [
        _item(TableTopVerticalPosition=0.0, TableTopLongitudinalPosition=0.0, TableTopLateralPosition=0.0, **table)
    ]
    beam = math.acos(min(abs(math.cos(math.radians(primary)) * math.cos(math.radians(secondary))), 1.0))
    groups.ProjectionPixelCalibrationSequence = [
        _item(DistanceObjectToTableTop=None, BeamAngle=math.degrees(beam), TableHeight=0.0)
    ]


def _add_nominal_groups(groups: Dataset, dataset: Dataset) -> None:
    """Add the groups that the object must have but that say nothing here: anatomy, window, collimator, event."""
    groups.FrameAnatomySequence = [
        _item(FrameLaterality="U", AnatomicRegionSequence=[code("38266002", "SCT", "Entire body")])
    ]
    groups.FrameVOILUTSequence = [_item(WindowCenter="32768", WindowWidth="65536")]
    groups.IrradiationEventIdentificationSequence = [_item(IrradiationEventUID=content_uid("irradiation", ""))]
    groups.FrameDetectorParametersSequence = [_item(DetectorActiveTime=None)]
    groups.CollimatorShapeSequence = [
        _item(
            CollimatorShape="RECTANGULAR",
            CollimatorLeftVerticalEdge=1,
            CollimatorRightVerticalEdge=dataset.Columns,
            CollimatorUpperHorizontalEdge=1,
            CollimatorLowerHorizontalEdge=dataset.Rows,
        )
    ]
