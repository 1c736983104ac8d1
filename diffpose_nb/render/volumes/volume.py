"""Values on a voxel grid, and the packed form of them that the march reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

if TYPE_CHECKING:
    import torchio

Reach = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
"""mm beyond the low and the high end of each axis."""


@dataclass(frozen=True)
class Volume:
    """Values on a voxel grid, and the position of the grid in the world.

    Parameters
    ----------
    values
        (I, J, K) array, float32 or float64. Between voxel centres the values are interpolated trilinearly; beyond the
        outermost centres they fall to zero within one voxel.
    world_from_voxel
        (4, 4) array, from voxel indices to world mm; (0, 0, 0) is the centre of the first voxel.
    """

    values: np.ndarray
    world_from_voxel: np.ndarray

    @classmethod
    def of(cls, image: torchio.Image, dtype: torch.dtype = torch.float32) -> Volume:
        """The volume of the first channel of a torchio image."""
        return cls(image.data[0].to(dtype).numpy(), np.asarray(image.affine, np.float64))

    @property
    def spacing(self) -> np.ndarray:
        """(3,) distances between voxel centres along each axis, mm."""
        return np.linalg.norm(self.world_from_voxel[:3, :3], axis=0)

    def average(self, blocks: tuple[int, int, int]) -> Volume:
        """Means over blocks of voxels. An incomplete block at the far end of an axis is filled up with zeros."""
        if blocks == (1, 1, 1):
            return self
        shape = [-(-n // block) for n, block in zip(self.values.shape, blocks, strict=True)]
        sums = np.zeros(shape, self.values.dtype, order="F" if self.values.flags.f_contiguous else "C")
        for first in np.ndindex(blocks):  # all first voxels of blocks, then all second ones: several times numpy's mean
            i, j, k = (slice(one, None, block) for one, block in zip(first, blocks, strict=True))
            part = self.values[i, j, k]
            sums[tuple(map(slice, part.shape))] += part
        sums /= np.prod(blocks)
        scale = np.diag([*blocks, 1.0])
        scale[:3, 3] = (np.array(blocks) - 1) / 2
        return Volume(sums, self.world_from_voxel @ scale)

    def coarsen(self, voxel: float) -> Volume:
        """Means over blocks of about ``voxel`` mm. Along an axis whose voxels are already as large, nothing changes."""
        return self.average(self.blocks(voxel))

    def blocks(self, voxel: float) -> tuple[int, int, int]:
        """The number of voxels along each axis that together are about ``voxel`` mm long."""
        return tuple(max(1, round(voxel / mm)) for mm in self.spacing)

    def smooth(self, sigma: float) -> Volume:
        """The volume after a Gaussian blur with a standard deviation of ``sigma`` mm along every axis."""
        return Volume(
            ndimage.gaussian_filter(self.values, sigma / self.spacing, mode="constant"), self.world_from_voxel
        )

    def continued(self, reach: Reach, depth: float) -> Volume:
        """The volume with its outermost layers repeated outwards.

        Parameters
        ----------
        reach
            How far, mm, at the low and at the high end of each axis; 0: not at all.
        depth
            The mean over so many mm is what is repeated, since a single layer may be noise.
        """
        values, first = self.values, [0, 0, 0]
        for axis, ends in enumerate(reach):
            layers = max(1, round(depth / self.spacing[axis]))
            before, after = (int(np.ceil(mm / self.spacing[axis])) for mm in ends)
            low, high = (
                values.take(where, axis).mean(axis, keepdims=True, dtype=values.dtype)
                for where in (range(layers), range(-layers, 0))
            )
            values = np.concatenate([low.repeat(before, axis), values, high.repeat(after, axis)], axis)
            first[axis] = -before
        return Volume(values, shifted(self.world_from_voxel, first))

    def pack(self) -> PackedVolume:
        """The volume in the form that :func:`integrate` takes."""
        from ..kernel import pack

        values, unit = pack(self.values)
        return PackedVolume(values, unit, shifted(self.world_from_voxel, [-1, -1, -1]))


@dataclass(frozen=True)
class PackedVolume:
    """A :class:`Volume` prepared for the march: it has a border of zeros and is stored in 16 bits.

    Parameters
    ----------
    values
        (I + 2, J + 2, K + 2) int16, or float64 for a float64 volume; to be multiplied by ``unit``. The border of zeros
        is one voxel wide, so that rays can be clipped there without a jump of the values. 16 bits are half as much to
        read as float32.
    unit
        1/32767 of the largest absolute value, or 1 for float64.
    world_from_voxel
        (4, 4) array, from voxel indices to world mm; (0, 0, 0) is the centre of the first voxel of the border.
    """

    values: np.ndarray
    unit: float
    world_from_voxel: np.ndarray


def shifted(world_from_voxel: np.ndarray, first: list[int]) -> np.ndarray:
    """The matrix ``world_from_voxel`` of the grid whose voxel (0, 0, 0) is voxel ``first`` of the given grid."""
    shift = np.eye(4)
    shift[:3, 3] = first
    return world_from_voxel @ shift
