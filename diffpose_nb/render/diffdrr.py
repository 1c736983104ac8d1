"""DiffDRR's renderers behind our call, and our kernel behind DiffDRR's."""

from __future__ import annotations

import numpy as np
import torch
import torchio
from diffdrr.drr import DRR
from torch import Tensor

from ..camera import Camera
from ..frames import to_diffdrr
from .cache import MadeFrom
from .integrals import line_integrals
from .prepared import only
from .volume import PackedVolume, Volume

_packed = MadeFrom()


def make_drr(subject: torchio.Subject, camera: Camera, method: str, device: torch.device) -> DRR:
    """A ``DRR`` for poses of :func:`diffpose_nb.frames.to_diffdrr`.

    Raises
    ------
    ValueError
        The subject was read with an orientation, by which DiffDRR would turn every pose.
    """
    if subject.get("orientation") is not None:
        raise ValueError(
            f"the subject was read with orientation {subject['orientation']!r}: DiffDRR would turn every pose; "
            "load it with diffpose_nb.ct, or diffdrr.data.read(…, orientation=None)"
        )
    return DRR(subject, renderer=method, **camera.to_diffdrr()).to(device)


def render_rays(drr: DRR, source: Tensor, target: Tensor, channels: bool, **kwargs: object) -> Tensor:
    """(B, C, N) of rays (B, N, 3), world mm; C is 1, or with ``channels`` one for each label."""
    ends = (end.to(drr.density) for end in (source, target))
    return drr.render(drr.density, *ends, mask_to_channels=channels, **kwargs)


def render_poses(drr: DRR, world_from_camera: Tensor, channels: bool, **kwargs: object) -> Tensor:
    """(B, C, rows, columns) of poses (B, 4, 4)."""
    return drr(to_diffdrr(world_from_camera).to(drr.density.device), mask_to_channels=channels, **kwargs)


class Fused(torch.nn.Module):
    """The fused kernel as a renderer for DiffDRR: ``drr.renderer = Fused()``.

    It takes the rays of DiffDRR's own detector, on the CPU, and gives what ``Trilinear`` gives, with gradients to the
    poses; ``mask_to_channels`` works too. Two things differ: the volume falls to zero within one voxel of its
    outermost voxels' centres rather than half a voxel later, and the samples are those of
    :func:`diffpose_nb.render.integrate`.

    Parameters
    ----------
    n_points
        Samples from source to detector, of which those in the volume are taken. 700 are 1.5 mm apart at an SID of
        1 m.
    """

    def __init__(self, n_points: int = 700) -> None:
        super().__init__()
        if n_points < 2:
            raise ValueError(f"n_points is {n_points}: a ray needs two samples or more")
        self.n_points = n_points

    def forward(
        self,
        volume: Tensor,
        source: Tensor,
        target: Tensor,
        img: Tensor,
        align_corners: bool = False,
        mask: Tensor | None = None,
    ) -> Tensor:
        """(B, C, N) line integrals, as DiffDRR's renderers: ``source`` and ``target`` in voxels, ``img`` in mm."""
        if volume.requires_grad or volume.device.type != "cpu" or align_corners:
            raise ValueError(
                "the fused kernel renders on the CPU, gives no gradient to the volume and has no align_corners: "
                "use DiffDRR's Trilinear for these"
            )
        source, target = source.expand_as(target).double(), target.double()
        channels = [line_integrals(channel, source, target, 1 / self.n_points) for channel in _channels(volume, mask)]
        mean = torch.stack(channels, 1) / (target - source).norm(dim=-1)[:, None]  # voxels here, mm in img
        return mean.to(img) * img


def _channels(volume: Tensor, mask: Tensor | None) -> list[PackedVolume]:
    """The volume, or what of it has label 0, 1, …, in voxels; made once for each volume and mask."""
    whole = Volume(volume.numpy(), np.eye(4))
    if mask is None:
        return [_packed.get(volume, None, whole.pack)]
    labels = mask.numpy()
    return [
        _packed.get((volume, mask), label, lambda label=label: only(whole, labels, label).pack())
        for label in range(int(labels.max()) + 1)
    ]
