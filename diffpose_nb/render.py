"""Digitally reconstructed radiographs: from a volume and a pose to the line integral behind every pixel.

The default renderer is one compiled march per ray on the CPU that yields the integral and its derivatives with
respect to both ends of the ray in the same pass. DiffDRR's renderers stand behind the same call, to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torchio
from diffdrr.drr import DRR
from scipy import ndimage
from torch import Tensor

from ._raymarch import march
from .camera import Camera
from .frames import as_float64, to_diffdrr, transform_points

METHODS = ("fused", "trilinear", "siddon")

STEP = 1.0
"""Default distance between samples along a ray that meets the detector at a right angle, mm."""


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
        padding = [(0, -size % block) for size, block in zip(self.values.shape, blocks, strict=True)]
        padded = np.pad(self.values, padding)
        shape = [n for size, block in zip(padded.shape, blocks, strict=True) for n in (size // block, block)]
        scale = np.diag([*blocks, 1.0])
        scale[:3, 3] = (np.array(blocks) - 1) / 2
        return Volume(padded.reshape(shape).mean((1, 3, 5), dtype=padded.dtype), self.world_from_voxel @ scale)

    def smooth(self, sigma: float) -> Volume:
        """Convolved with a Gaussian whose standard deviation is ``sigma`` mm along every axis."""
        return Volume(
            ndimage.gaussian_filter(self.values, sigma / self.spacing, mode="constant"), self.world_from_voxel
        )

    def pad(self) -> Volume:
        """With one voxel of zeros all round: rays may then be clipped at its border without an edge."""
        shift = np.eye(4)
        shift[:3, 3] = -1
        return Volume(np.pad(self.values, 1), self.world_from_voxel @ shift)


def integrate(
    volume: Volume, source: Tensor, target: Tensor, step_fraction: float, with_gradient: bool = True, columns: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Line integrals through a padded volume and their derivatives.

    .. math:: I = L \Delta a \sum_k v(s + a_k w), \quad w = q - s,\ L = \lVert w \rVert,\ a_k = (k + o) \Delta a

    Parameters
    ----------
    volume
        See :meth:`Volume.pad`.
    source, target
        (B, N, 3) float64 world mm: :math:`s` and :math:`q` of the rays of B images.
    step_fraction
        :math:`\Delta a`; the offsets :math:`o` are those of :func:`diffpose_nb._raymarch.march`.
    columns
        Width of the image if the rays are all of its pixels, row by row; it decides only in which order they are
        visited, and that is worth a factor of three.

    Returns
    -------
    (Tensor, Tensor, Tensor)
        :math:`I` (B, N), and at constant :math:`L` the sums :math:`G = L \Delta a \sum \nabla v` and
        :math:`K = L \Delta a \sum a_k \nabla v` (B, N, 3) in world axes. Then
        :math:`\partial I/\partial q = K + I w/L^2` and :math:`\partial I/\partial s = G - K - I w/L^2`, and a rigid
        motion of both ends, which leaves :math:`L` alone, needs no more than G and K.
    """
    voxel_from_world = torch.from_numpy(np.linalg.inv(volume.world_from_voxel))
    source_voxel = transform_points(voxel_from_world, source).numpy()
    target_voxel = transform_points(voxel_from_world, target).numpy()
    sums = torch.from_numpy(march(volume.values, source_voxel, target_voxel, step_fraction, with_gradient, columns))
    sums = sums.to(torch.float64)
    sums = sums * (target - source).norm(dim=-1, keepdim=True)
    to_world = voxel_from_world[:3, :3]  # gradients are covectors: they go by the transpose of the inverse
    return sums[..., 0], sums[..., 1:4] @ to_world, sums[..., 4:7] @ to_world


class _LineIntegrals(torch.autograd.Function):
    """:func:`integrate` for autograd; source and target (B, N, 3) to (B, N)."""

    @staticmethod
    def forward(ctx, source: Tensor, target: Tensor, volume: Volume, step_fraction: float, columns: int) -> Tensor:
        needs_gradient = any(ctx.needs_input_grad[:2])
        values, whole, weighted = integrate(
            volume, source.detach(), target.detach(), step_fraction, needs_gradient, columns
        )
        if needs_gradient:
            ray = target - source
            stretch = values[..., None] * ray / ray.square().sum(-1, keepdim=True)
            ctx.save_for_backward(whole - weighted - stretch, weighted + stretch)
        return values

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        by_source, by_target = ctx.saved_tensors
        return grad[..., None] * by_source, grad[..., None] * by_target, None, None, None


class Renderer:
    """Renders DRRs of one subject for one camera.

    Parameters
    ----------
    subject
        From :mod:`diffpose_nb.ct`, or any subject with a ``density`` image in world coordinates.
    camera
        Its shape is the shape of the picture.
    method
        "fused": this package's kernel, trilinear, on the CPU. "trilinear" and "siddon": DiffDRR's.
    step
        mm between samples, for "fused"; see :data:`STEP`.
    dtype
        The arithmetic along the ray, for "fused": float32, or float64 to check derivatives.
    renderer_kwargs
        Passed to DiffDRR's renderer at each call, such as ``n_points`` for "trilinear".

    Calling it with ``world_from_camera`` (4, 4) or (B, 4, 4) gives the line integrals (B, 1, rows, columns), in the
    units of ``density`` times mm (no unit for a linear attenuation in 1/mm). Differentiable in the pose.
    """

    def __init__(
        self,
        subject: torchio.Subject,
        camera: Camera,
        method: str = "fused",
        *,
        step: float = STEP,
        dtype: torch.dtype = torch.float32,
        **renderer_kwargs: object,
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"method is {method!r}: it can be {', '.join(map(repr, METHODS))}")
        if not 0 < step < float("inf"):
            raise ValueError(f"step is {step}: it has to be a positive number of mm")
        self.camera = camera
        self.method = method
        if method == "fused":
            self._volume = Volume.of(subject["density"], dtype).pad()
            self._dtype = dtype
            self._step_fraction = step / camera.sid
            self._detector = camera.detector_points()
        else:
            if subject.get("orientation") is not None:
                raise ValueError(
                    f"the subject was read with orientation {subject['orientation']!r}: DiffDRR would turn every pose; "
                    "load it with diffpose_nb.ct, or diffdrr.data.read(…, orientation=None)"
                )
            self._drr = DRR(subject, renderer=method, **camera.to_diffdrr())
            self._renderer_kwargs = renderer_kwargs

    def __call__(self, world_from_camera: Tensor) -> Tensor:
        poses = as_float64(world_from_camera).reshape(-1, 4, 4)
        if self.method != "fused":
            return self._drr(to_diffdrr(poses), **self._renderer_kwargs)
        target = transform_points(poses, self._detector)
        source = poses[:, None, :3, 3].expand_as(target)
        values = _LineIntegrals.apply(source, target, self._volume, self._step_fraction, self.camera.shape[1])
        return values.to(self._dtype).reshape(len(poses), 1, *self.camera.shape)
