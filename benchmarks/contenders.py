"""The renderers to compare, each with the same two methods.

``forward`` renders a picture. ``with_gradient`` also computes the gradient of the picture's mean with respect to the
pose. All renderers get the same CT, as linear attenuation on the same grid, and the same view. If one of them did not,
its large error would show it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
import torchio
from torch import Tensor

from diffpose_nb import frames
from diffpose_nb.camera import Camera
from diffpose_nb.render import Renderer

POSE = frames.carm_pose(20, 10, 700)

Timed = tuple[Tensor, float]
"""A picture (rows, columns) and the seconds it took."""


class Ours:
    """The renderer of this package, or one of DiffDRR's if ``method`` asks for it."""

    def __init__(self, subject: torchio.Subject, camera: Camera, **options: object) -> None:
        self.renderer = Renderer(subject, camera, **options)

    def render(self, pose: Tensor) -> Tensor:
        return self.renderer(pose)[0, 0]

    def forward(self) -> Timed:
        with torch.no_grad():
            return _timed(lambda: self.render(POSE))

    def with_gradient(self) -> Timed:
        def task() -> Tensor:
            twist = torch.zeros(6, dtype=torch.float64, requires_grad=True)
            image = self.render(frames.exp_se3(twist) @ POSE)
            image.mean().backward()
            return image.detach()

        return _timed(task)


class NanoDRR(Ours):
    """The renderer of nanodrr, with its default number of samples."""

    def __init__(self, subject: torchio.Subject, camera: Camera) -> None:
        from nanodrr.data import Subject
        from nanodrr.drr import DRR

        self.subject = Subject.from_images(subject["density"], convert_to_mu=False)
        self.drr = DRR(**camera.to_nanodrr())

    def render(self, pose: Tensor) -> Tensor:
        return self.drr(self.subject, frames.to_nanodrr(pose))[0, 0]


class Plastimatch:
    """The program plastimatch, in C. It renders by Siddon's method, without gradients.

    Its time is the one that it prints itself. It needs a CT whose axes are along LPS. It shows the picture as seen from
    the source, so its picture is mirrored here. It integrates over cm, so its values are multiplied by 10.
    """

    def __init__(self, subject: torchio.Subject, camera: Camera) -> None:
        self.shape = camera.shape
        self.folder = tempfile.TemporaryDirectory()
        ct = Path(self.folder.name) / "ct.mha"
        sitk.WriteImage(sitk.DICOMOrient(subject["density"].as_sitk(), "LPS"), str(ct))
        (rows, columns), (row_mm, column_mm) = camera.shape, camera.pixel_spacing
        pose = frames.ras_from_lps @ POSE
        numbers = {
            "-r": (rows, columns),
            "-z": (rows * row_mm, columns * column_mm),
            "-n": (-pose[:3, 2]).tolist(),
            "--vup": (-pose[:3, 1]).tolist(),
            "-o": (0, 0, 0),
            "--sad": (-(pose[:3, 2] @ pose[:3, 3]).item(),),
            "--sid": (camera.sid,),
        }
        options = [part for name, values in numbers.items() for part in (name, " ".join(map(str, values)))]
        self.command = ["plastimatch", "drr", "-i", "exact", "-P", "none", "-t", "pfm", *options]
        self.command += ["-I", str(ct), "-O", str(ct.with_name("drr"))]

    def forward(self) -> Timed:
        said = subprocess.run(self.command, capture_output=True, text=True, check=True).stdout
        raw = (Path(self.folder.name) / "drr0000.pfm").read_bytes().split(b"\n", 3)[3]
        image = torch.from_numpy(np.frombuffer(raw, np.float32).reshape(self.shape).copy())
        return 10 * image.flip(1), float(re.search(r"Total time: ([\d.]+)", said).group(1))

    with_gradient = None


def _timed(task: Callable[[], Tensor]) -> Timed:
    started = time.perf_counter()
    image = task()
    return image, time.perf_counter() - started


CONTENDERS: dict[str, Callable] = {
    "fused (ours)": Ours,
    "DiffDRR trilinear": lambda subject, camera: Ours(subject, camera, method="trilinear"),
    "DiffDRR Siddon": lambda subject, camera: Ours(subject, camera, method="siddon"),
    "nanodrr": NanoDRR,
}
if shutil.which("plastimatch"):
    CONTENDERS["plastimatch"] = Plastimatch
OURS = "fused (ours)"
