"""Patient, dates and UIDs of a written file. They are made up, and the same image always gets the same ones."""

from __future__ import annotations

import hashlib
import uuid

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

PIXEL_VALUE_LABEL = "DIFFPOSE_NB"
"""LUT Label of a Real World Value Mapping that converts stored values to pixel values where no rescale is allowed."""
CONTENT_DATE, CONTENT_TIME = "20000101", "000000"


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def add_identity(dataset: Dataset) -> Dataset:
    """Add patient, study, series, equipment and file meta to a data set. UIDs are computed from its other content."""
    digest = hashlib.sha256()
    for element in dataset.iterall():
        if element.VR != "SQ":
            digest.update(repr((element.tag, element.value)).encode())
    content = digest.hexdigest()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "SIMULATED^PHANTOM"
    dataset.PatientID = "DIFFPOSE-NB"
    dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = CONTENT_DATE
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = CONTENT_TIME
    dataset.ReferringPhysicianName = dataset.AccessionNumber = ""
    dataset.StudyID = "1"
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.Manufacturer = dataset.ManufacturerModelName = "diffpose_nb"
    dataset.StudyInstanceUID = content_uid("study", content)
    dataset.SeriesInstanceUID = content_uid("series", content)
    dataset.SOPInstanceUID = content_uid("image", content)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = content_uid("implementation", "diffpose_nb")
    meta.ImplementationVersionName = "DIFFPOSE_NB"
    dataset.file_meta = meta
    return dataset


def content_uid(what: str, content: str) -> str:
    """A UID that is made from a UUID (PS3.5 B.2). The UUID is computed from the content."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, f'diffpose_nb/{what}/{content}').int}"
