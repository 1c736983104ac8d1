"""A plain XA file to damage, and what its patient is called, so that no message says it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
import torch

from diffpose_nb.camera import Camera
from diffpose_nb.dicom import XRay, write_xray
from diffpose_nb.frames import carm_pose

PATIENT = {
    "PatientName": "Zebedee^Quillfeather",
    "PatientID": "MRN-7731904",
    "PatientBirthDate": "19610417",
    "StudyDate": "20190823",
    "AccessionNumber": "ACC5550123",
    "ReferringPhysicianName": "Oxblood^Perpetua",
}
SECRETS = ["Zebedee", "Quillfeather", "7731904", "19610417", "20190823", "5550123", "Oxblood", "Perpetua"]


def make_xray(shape: tuple[int, int] = (12, 10), primary: float = 30, secondary: float = 20, **changes) -> XRay:
    """A small X-ray whose pixels are all different."""
    pixels = 1000 + torch.arange(shape[0] * shape[1], dtype=torch.float32).reshape(shape)
    camera = Camera(1000, (0.5, 0.4), shape)
    fields = {"pixels": pixels, "camera": camera, "world_from_camera": carm_pose(primary, secondary, 700)}
    return XRay(**(fields | changes))


def assert_silent(*texts: str) -> None:
    """No text names the patient."""
    for text in texts:
        assert not [secret for secret in SECRETS if secret.lower() in text.lower()], text


@pytest.fixture
def xa(tmp_path: Path) -> Callable[..., Path]:
    """Write a plain XA file with a patient; keywords set tags, None deletes them."""

    def write(change: Callable[[pydicom.Dataset], None] | None = None, /, **tags: object) -> Path:
        path = tmp_path / "xa.dcm"
        write_xray(path, make_xray())
        dataset = pydicom.dcmread(path)
        with pydicom.config.disable_value_validation():
            for keyword, value in (PATIENT | tags).items():
                if value is None:
                    del dataset[keyword]
                else:
                    setattr(dataset, keyword, value)
            if change is not None:
                change(dataset)
            dataset.save_as(path)
        return path

    return write
