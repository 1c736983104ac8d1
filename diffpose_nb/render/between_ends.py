"""DiffDRR's Siddon, from the source to the pixel. It has a file of its own, since it needs DiffDRR to be imported."""

from __future__ import annotations

from diffdrr.renderers import Siddon, _get_alphas, _get_voxel, _get_xyzs
from torch import Tensor


class SiddonBetweenEnds(Siddon):
    """DiffDRR's Siddon from the source to the pixel. DiffDRR's own goes on beyond both, along the whole line."""

    def forward(
        self,
        volume: Tensor,
        source: Tensor,
        target: Tensor,
        img: Tensor,
        align_corners: bool = False,
        mask: Tensor | None = None,
    ) -> Tensor:
        """(B, C, N), as DiffDRR's; the ray's crossings with voxel faces are cut off at its ends."""
        dims = self.dims(volume)
        crossings = _get_alphas(source, target, dims, self.voxel_shift, self.eps, False).clamp(0, 1)
        middles = (crossings[..., :-1] + crossings[..., 1:]) / 2
        points = _get_xyzs(middles, source, target, dims, self.voxel_shift, self.eps)
        parts = _get_voxel(volume, points, img, self.mode, align_corners=align_corners) * crossings.diff(dim=-1)
        if mask is None:
            return parts.sum(-1)[:, None]
        labels = _get_voxel(mask, points, None, self.mode, align_corners=align_corners).long()
        channels = parts.new_zeros(len(parts), int(mask.max()) + 1, parts.shape[1])
        return channels.scatter_add_(1, labels.mT, parts.mT)
