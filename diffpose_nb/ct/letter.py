"""A metal letter in the patient, which shows whether a picture is mirrored or turned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from .attenuation import linear_attenuation

if TYPE_CHECKING:
    import torchio

LETTER: tuple[tuple[float, ...], ...] = (
    (27, 45, 50, 60, -70, 70),
    (-45, 45, 50, 60, 52, 70),
    (-15, 45, 50, 60, -8, 10),
)
"""The three strokes of a letter F, each a box (x, x, y, y, z, z) in world coordinates, mm. The letter is 140 mm high,
lies in front of the spine, and can be read by someone who faces the patient. An F looks different in every mirror image
and after every turn."""


def with_letter(
    subject: torchio.Subject, strokes: Sequence[Sequence[float]] = LETTER, hounsfield: float = 6000.0
) -> torchio.Subject:
    """A copy of a CT with a letter F of metal in it, which shows left and right in every picture.

    Parameters
    ----------
    subject
        CT from :mod:`diffpose_nb.ct` whose voxel axes run along the world's axes. It is not changed.
    strokes
        Boxes (x, x, y, y, z, z) in world coordinates, mm. Voxels whose centres lie in a box are filled.
    hounsfield
        Hounsfield units of the letter.
    """
    import torchio

    volume, density = subject["volume"], subject["density"]
    hu, mu = volume.data.clone(), density.data.clone()
    voxel_from_world = np.linalg.inv(volume.affine)
    for stroke in strokes:
        ends = np.reshape(stroke, (3, 2)).T @ voxel_from_world[:3, :3].T + voxel_from_world[:3, 3]
        low, high = np.ceil(ends.min(0)).astype(int).clip(0), np.floor(ends.max(0)).astype(int) + 1
        box = (0, *(slice(*edge) for edge in zip(low, high, strict=True)))
        hu[box] = hounsfield
        mu[box] = linear_attenuation(torch.tensor(hounsfield))
    others = {name: value for name, value in subject.items() if name not in ("volume", "density")}
    return torchio.Subject(
        volume=torchio.ScalarImage(tensor=hu, affine=volume.affine),
        density=torchio.ScalarImage(tensor=mu, affine=density.affine),
        **others,
    )
