"""A letter in the patient, by which a mirrored or turned picture is told from the right one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torchio

from .attenuation import linear_attenuation

LETTER: tuple[tuple[float, ...], ...] = (
    (27, 45, 50, 60, -70, 70),
    (-45, 45, 50, 60, 52, 70),
    (-15, 45, 50, 60, -8, 10),
)
"""The three strokes of a letter F, each (x, x, y, y, z, z) in world mm: 140 mm high, in front of the spine, to be read
by who faces the patient. No turn and no mirror image of it is itself."""


def with_letter(
    subject: torchio.Subject, strokes: Sequence[Sequence[float]] = LETTER, hounsfield: float = 6000.0
) -> torchio.Subject:
    """A copy of a CT with a letter F of metal in it, which tells left from right in every picture.

    Parameters
    ----------
    subject
        Of :mod:`diffpose_nb.ct`, its voxel axes along the world's; it stays as it is.
    strokes
        Boxes (x, x, y, y, z, z), world mm, filled where voxel centres lie.
    hounsfield
        Of the letter.
    """
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
