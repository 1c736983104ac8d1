"""A small X-ray, and what the patient of a file is called, so that no message says it."""

from __future__ import annotations

import torch

from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose
from diffpose_nb.images import XRay

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
