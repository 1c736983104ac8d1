"""Values on a voxel grid, and the copies of a CT that the march reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torchio
from scipy import ndimage

from .kernel import pack


@dataclass(frozen=True)
class Volume:
    """Values on a voxel grid, and where the grid is.

    Parameters
    ----------
    values
        (I, J, K) array, float32 or float64. Between voxel centres it is interpolated trilinearly, beyond the
        outermost ones it falls to zero within one voxel.
    world_from_voxel
        (4, 4) array; (0, 0, 0) is the centre of the first voxel. mm.
    """

    values: np.ndarray
    world_from_voxel: np.ndarray

    @classmethod
    def of(cls, image: torchio.Image, dtype: torch.dtype = torch.float32) -> Volume:
        """The first channel of a torchio image."""
        return cls(image.data[0].to(dtype).numpy(), np.asarray(image.affine, np.float64))

    @property
    def spacing(self) -> np.ndarray:
        """(3,) distance between voxel centres along each axis, mm."""
        return np.linalg.norm(self.world_from_voxel[:3, :3], axis=0)

    def average(self, blocks: tuple[int, int, int]) -> Volume:
        """Means over blocks of voxels; a remainder at the far end of an axis is padded with zeros."""
        if blocks == (1, 1, 1):
            return self
        padding = [(0, -size % block) for size, block in zip(self.values.shape, blocks, strict=True)]
        padded = np.pad(self.values, padding)
        shape = [n for size, block in zip(padded.shape, blocks, strict=True) for n in (size // block, block)]
        scale = np.diag([*blocks, 1.0])
        scale[:3, 3] = (np.array(blocks) - 1) / 2
        return Volume(padded.reshape(shape).mean((1, 3, 5), dtype=padded.dtype), self.world_from_voxel @ scale)

    def coarsen(self, voxel: float) -> Volume:
        """Means over blocks of about ``voxel`` mm; itself where its voxels are as large already."""
        return self.average(self.blocks(voxel))

    def blocks(self, voxel: float) -> tuple[int, int, int]:
        """How many of its voxels along each axis make about ``voxel`` mm."""
        return tuple(max(1, round(voxel / mm)) for mm in self.spacing)

    def smooth(self, sigma: float) -> Volume:
        """Convolved with a Gaussian whose standard deviation is ``sigma`` mm along every axis."""
        return Volume(
            ndimage.gaussian_filter(self.values, sigma / self.spacing, mode="constant"), self.world_from_voxel
        )

    def pack(self) -> PackedVolume:
        """As the march reads it, see :func:`integrate`."""
        values, unit = pack(self.values)
        return PackedVolume(values, unit, shifted(self.world_from_voxel, [-1, -1, -1]))


@dataclass(frozen=True)
class PackedVolume:
    """A :class:`Volume` made ready: a voxel of zeros all round, values in 16 bits (float64 stays float64).

    Parameters
    ----------
    values
        (I + 2, J + 2, K + 2) int16 or float64, to be multiplied by ``unit``. The zeros are what lets rays be clipped
        at the border without an edge, and 16 bits are half as much to read.
    unit
        1/32767 of the largest value, or 1 for float64.
    world_from_voxel
        (4, 4) array; (0, 0, 0) is the centre of the first voxel of the border. mm.
    """

    values: np.ndarray
    unit: float
    world_from_voxel: np.ndarray


def shifted(world_from_voxel: np.ndarray, first: list[int]) -> np.ndarray:
    """The matrix of the grid whose voxel (0, 0, 0) is voxel ``first`` of another."""
    shift = np.eye(4)
    shift[:3, 3] = first
    return world_from_voxel @ shift
