"""DiffDRR's renderers, called in the way of this package, and this package's march as a renderer of DiffDRR."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..frames import to_diffdrr
from .integrals import line_integrals
from .volumes.cache import MadeFrom
from .volumes.prepared import only
from .volumes.volume import PackedVolume, Volume

if TYPE_CHECKING:
    import torchio
    from diffdrr.drr import DRR

_packed = MadeFrom()


def make_drr(subject: torchio.Subject, camera: Camera, method: str, device: torch.device) -> DRR:
    """DiffDRR's ``DRR`` of a subject, for poses that :func:`diffpose_nb.frames.to_diffdrr` returns.

    Raises
    ------
    ValueError
        The subject was read with an orientation. DiffDRR would turn every pose by it.
    """
    if subject.get("orientation") is not None:
        raise ValueError(
            f"the subject was read with orientation {subject['orientation']!r}: DiffDRR would turn every pose; "
            "load it with diffpose_nb.ct, or diffdrr.data.read(…, orientation=None)"
        )
    from diffdrr.drr import DRR

    from .between_ends import SiddonBetweenEnds

    drr = DRR(subject, renderer=method, **camera.to_diffdrr())
    if method == "siddon":
        drr.renderer = SiddonBetweenEnds()
    return drr.to(device)


def render_rays(drr: DRR, source: Tensor, target: Tensor, channels: bool, **kwargs: object) -> Tensor:
    """Line integrals (B, C, N) along rays from ``source`` to ``target``, both (B, N, 3), world mm.

    C is 1; with ``channels`` there is one channel for each label.
    """
    ends = (end.to(drr.density) for end in (source, target))
    return drr.render(drr.density, *ends, mask_to_channels=channels, **kwargs)


def render_poses(drr: DRR, world_from_camera: Tensor, channels: bool, **kwargs: object) -> Tensor:
    """Pictures (B, C, rows, columns) from poses (B, 4, 4); for C see :func:`render_rays`."""
    return drr(to_diffdrr(world_from_camera).to(drr.density.device), mask_to_channels=channels, **kwargs)


class Fused(torch.nn.Module):
    """This package's march (the "fused" kernel) as a renderer for DiffDRR: ``drr.renderer = Fused()``.

    It works on the CPU. It takes the rays of DiffDRR's own detector and returns what ``Trilinear`` returns, with
    gradients with respect to the poses; ``mask_to_channels`` works too. Two things differ from ``Trilinear``. The
    volume falls to zero within one voxel of the centres of its outermost voxels, and not half a voxel later. The
    samples along a ray are those of :func:`diffpose_nb.render.integrate`.

    Parameters
    ----------
    n_points
        Number of samples from source to detector; only those inside the volume are computed. With 700 samples and
        an SID of 1 m they are about 1.5 mm apart.
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
        """Line integrals (B, C, N), from the arguments that DiffDRR's renderers take.

        ``source`` and ``target`` are in voxel coordinates; ``img`` is the length of each ray in mm.
        """
        if volume.requires_grad or volume.device.type != "cpu" or align_corners:
            raise ValueError(
                "the fused kernel renders on the CPU, gives no gradient to the volume and has no align_corners: "
                "use DiffDRR's Trilinear for these"
            )
        source, target = source.expand_as(target).double(), target.double()
        channels = [line_integrals(channel, source, target, 1 / self.n_points) for channel in _channels(volume, mask)]
        mean = torch.stack(channels, 1) / (target - source).norm(dim=-1)[:, None]  # a length in voxels; img is in mm
        return mean.to(img) * img


def _channels(volume: Tensor, mask: Tensor | None) -> list[PackedVolume]:
    """The volume in voxel coordinates; with a mask, a volume for each label 0, 1, ….

    They are made once for each volume and mask.
    """
    whole = Volume(volume.numpy(), np.eye(4))
    if mask is None:
        return [_packed.get(volume, None, whole.pack)]
    labels = mask.numpy()
    return [
        _packed.get((volume, mask), label, lambda label=label: only(whole, labels, label).pack())
        for label in range(int(labels.max()) + 1)
    ]
