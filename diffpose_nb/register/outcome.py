"""What a refinement returns: to its callback after every rendering, and at its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..camera import Camera, as_float64
from ..runtime import write_text_whole
from .judgement import Evidence, Judgement

if TYPE_CHECKING:
    import pandas as pd
    import torchio

COLUMNS = ("attempt", "stage", "cost", "accepted", "rotation", "translation", "seconds")


@dataclass(frozen=True)
class Step:
    """One rendering of a refinement, as its callback gets it.

    ``image`` and ``target`` (rows, columns) are the DRR and the X-ray as the stage compares them. Pixels that are not
    compared are NaN, for instance those behind the collimator. Several views stand side by side.
    """

    stage: int
    world_from_camera: Tensor
    cost: float
    accepted: bool
    image: Tensor
    target: Tensor


Callback = Callable[[Step], None]


@dataclass(frozen=True)
class Refinement:
    """The outcome of :func:`refine`.

    Parameters
    ----------
    world_from_camera
        (4, 4) float64, the registered pose; (V, 4, 4) for V views.
    trace
        One row for each rendering: ``attempt``; ``stage``; ``cost``, which is 1 - NCC of what the stage compares, so
        that costs of different stages cannot be compared; ``accepted``; ``rotation`` (degrees) and ``translation`` (mm)
        of the step that was tried; ``seconds`` since the start.
    poses
        (rows of the trace, 4, 4), or (rows, V, 4, 4): the pose of each rendering.
    confidence
        From 0 to 1, see :func:`diffpose_nb.register.judge`; multiplied by ``agreement`` if further attempts were asked
        for.
    reason
        Why the search stopped, in words.
    ncc
        Local NCC at the end: how much of the X-ray's structure the CT explains at this pose.
    looseness
        How far the patient can be moved before the cost has doubled, in mm, in the direction in which the cost grows
        most slowly. It follows from the curvature of the cost. A rotation counts by the motion that it makes 100 mm
        from the CT's centre.
    agreement
        The share of attempts from other starts that ended at this pose; NaN if none was asked for.
    camera
        The camera of the X-ray, or one for each view. With ``calibrate`` it is the one that was found.
    judgement
        "found", "doubtful" or "lost".
    reasons
        Sentences that say why.
    uncertainty
        (6,) standard deviations of the pose, degrees and mm: rotations about x, y and the beam of the first camera,
        about the centre of what is compared, then translations along them. They are cautious where the CT is right: of
        eleven simulated X-rays of a short CT, 95 % of the errors were within one of them and all within two. What is
        wrong in all of the image alike is not in them: of ten X-rays of a head, five depths were within one, and all
        within two. ``python -m diffpose_nb.commands.kinds`` counts it.
    evidence
        The numbers behind the judgement.
    foreign
        (rows, columns) bool, one for each view: pixels of the X-ray that were left out because no pose explains them,
        such as those of screws and wires.
    bone
        The factor on bone that was used.
    """

    world_from_camera: Tensor
    trace: pd.DataFrame
    poses: Tensor
    confidence: float
    reason: str
    ncc: float
    looseness: float
    agreement: float
    camera: Camera | tuple[Camera, ...]
    judgement: Judgement
    reasons: list[str]
    uncertainty: Tensor
    evidence: Evidence
    foreign: Tensor | tuple[Tensor, ...]
    bone: float

    def save(self, path: str | Path, subject: torchio.Subject) -> None:
        """Write the pose as JSON, in the world's and in the scanner's frame; :func:`load_pose` reads it.

        ``lps_from_camera`` is in the patient coordinates of the CT's own files (DICOM LPS, mm). The file appears whole
        or not at all.
        """
        content = {
            "about": "Pose of a C-arm's camera (origin at the source, x right and y down as seen from it, z to the "
            "detector; mm). world: RAS axes, origin at the centre of the CT. lps: patient coordinates of the CT.",
            "world_from_camera": self.world_from_camera.tolist(),
            "lps_from_camera": (subject["lps_from_world"] @ self.world_from_camera).tolist(),
            "confidence": self.confidence,
            "judgement": self.judgement,
            "reasons": self.reasons,
            "uncertainty": self.uncertainty.tolist(),
            "reason": self.reason,
        }
        write_text_whole(path, json.dumps(content, indent=2) + "\n")


def load_pose(path: str | Path) -> Tensor:
    """Read ``world_from_camera`` from a file of :meth:`Refinement.save`: (4, 4), or (V, 4, 4) for several views.

    Raises
    ------
    ValueError
        If the file holds no such pose.
    """
    try:
        pose = as_float64(json.loads(Path(path).read_text(encoding="utf-8"))["world_from_camera"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: no pose in it; Refinement.save(path, subject) writes such a file") from error
    return pose


def beside(images: list[Tensor]) -> Tensor:
    """Images side by side, the shorter ones filled with NaN."""
    rows = max(image.shape[0] for image in images)
    pad = torch.nn.functional.pad
    return torch.cat([pad(image, (0, 0, 0, rows - image.shape[0]), value=torch.nan) for image in images], 1)
