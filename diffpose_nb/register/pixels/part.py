"""Which part of the patient a registration looks at: the whole CT, some structures of it, or one bone alone.

A small part needs finer stages than a trunk, and turns about its own centre. Where the X-ray shows what is not in the
volume, only pixels in and beside the part's shadow can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...camera import Camera, transform_points
from ...ct.partial import label_numbers
from ...render.volumes.cache import MadeFrom
from ...render.volumes.prepared import place

if TYPE_CHECKING:
    import torchio

TRUNK = 200.0
"""mm: what an X-ray of a trunk shows from side to side. The stages were made for it; for a smaller part they shrink."""
_SMALLEST = 0.2
"""The stages shrink to this factor at the most."""
_made = MadeFrom()


@dataclass(frozen=True)
class Part:
    """Where the part lies in the world, and how large it is.

    Parameters
    ----------
    centre
        (3,) world mm: the middle of its box.
    corners
        (8, 3) world mm: the corners of its box.
    labels
        The numbers of its labels; empty if the whole volume is the part.
    """

    centre: Tensor
    corners: Tensor
    labels: tuple[int, ...] = ()

    @classmethod
    def of(cls, subject: torchio.Subject, structures: Sequence[str | int] | None) -> Part:
        """The part that is made of structures; None: everything in the volume that is not air."""
        labels = () if structures is None else tuple(label_numbers(subject, structures))
        masked = () if structures is None else (subject["mask"].data,)
        key = ("box of the part", labels, place(subject))
        corners = _made.get((subject["density"].data, *masked), key, lambda: _box_corners(subject, labels))
        return cls(corners.mean(0), corners, labels)

    @property
    def extent(self) -> float:
        """The longest side of its box, mm."""
        return max((self.corners[0] - self.corners[n]).norm().item() for n in (1, 2, 4))

    @property
    def scale(self) -> float:
        """The factor by which the stages shrink for it."""
        return min(1.0, max(_SMALLEST, self.extent / TRUNK))

    def box(self, camera: Camera, world_from_camera: Tensor, margin: float) -> tuple[int, int, int, int]:
        """Top, left, rows and columns of the pixels that its box may cover, and ``margin`` pixels on every side."""
        pixels = camera.project(self.corners, world_from_camera)
        low, high = pixels.min(0).values - margin, pixels.max(0).values + margin
        rows, columns = camera.shape
        left, top = max(0, int(low[0])), max(0, int(low[1]))
        right, bottom = min(columns, int(high[0]) + 1), min(rows, int(high[1]) + 1)
        return top, left, max(1, bottom - top), max(1, right - left)


def _box_corners(subject: torchio.Subject, labels: tuple[int, ...]) -> Tensor:
    """(8, 3) world mm: the corners of the box of some labels; without labels, of everything that is not air."""
    density = subject["density"]
    values = density.data[0].numpy()
    inside = np.isin(subject["mask"].data[0].numpy(), labels) if labels else values > 0
    limits = []
    for axis in range(3):
        along = inside.any(axis=tuple(other for other in range(3) if other != axis)).nonzero()[0]
        limits.append([along[0] - 0.5, along[-1] + 0.5] if len(along) else [-0.5, len(values) - 0.5])
    voxels = torch.cartesian_prod(*(torch.tensor(pair, dtype=torch.float64) for pair in limits))
    return transform_points(torch.from_numpy(np.asarray(density.affine, float)), voxels)
