"""Which part of the patient a registration looks at: the whole CT, some structures of it, or one bone alone.

A small part needs finer stages than a trunk, and turns about its own centre. Where the X-ray shows what is not in the
volume, only pixels in and beside the part's shadow can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torchio
from torch import Tensor

from ...camera import Camera, transform_points
from ...render.volumes.prepared import labels_of

TRUNK = 200.0
"""mm: what an X-ray of a trunk shows from side to side. The stages were made for it; for a smaller part they shrink."""
_SMALLEST = 0.2
"""The stages shrink to this factor at the most."""
_DENSE = 0.3
"""A voxel of a volume belongs to the part if it attenuates more than this share of its densest tenth."""


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
        density = subject["density"]
        if structures is None:
            labels = ()
            values = density.data[0]
            inside = values > 0
        else:
            labels = tuple(labels_of(subject, list(structures)))
            inside = torch.isin(subject["mask"].data[0].int(), torch.tensor(labels, dtype=torch.int32))
        limits = [_limits(inside, axis) for axis in range(3)]
        voxels = torch.cartesian_prod(*(torch.tensor(pair, dtype=torch.float64) for pair in limits))
        corners = transform_points(torch.from_numpy(np.asarray(density.affine, float)), voxels)
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


def _limits(inside: Tensor, axis: int) -> list[float]:
    others = [other for other in range(3) if other != axis]
    along = inside.any(others[1]).any(others[0]).nonzero() if inside.any() else torch.tensor([[0], [len(inside) - 1]])
    return [along.min().item() - 0.5, along.max().item() + 0.5]
