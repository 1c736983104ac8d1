"""The renderer: every method of rendering is called in the same way."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..camera import Camera, as_float64, transform_points
from ..ct.partial import label_numbers
from .diffdrr import make_drr, render_poses, render_rays
from .integrals import line_integrals
from .sight import beyond_the_ends, out_of_sight
from .volumes.prepared import packed_density, packed_structure

if TYPE_CHECKING:
    import torchio

METHODS = ("fused", "trilinear", "siddon")
STEP = 1.5
"""Default distance between samples along a ray that meets the detector at a right angle, mm."""


class Renderer:
    """Renders DRRs of one subject for one camera.

    Another renderer for the same CT is made quickly, because the prepared copies of a CT are kept as long as it lives.

    Parameters
    ----------
    subject
        The CT, from :mod:`diffpose_nb.ct`, or any subject with a ``density`` image in world coordinates.
    camera
        The camera; its shape is the shape of the picture.
    method
        "fused" is this package's kernel with trilinear interpolation, on the CPU; on another device DiffDRR's
        "trilinear" takes its place. "trilinear" and "siddon" are DiffDRR's renderers.
    step
        Distance between samples, mm, for "fused"; see :data:`STEP`.
    voxel
        Size of blocks, mm, over which the CT is averaged, for "fused". It saves memory, and hardly any time.
    structures
        Names or numbers of labels. The picture then has a channel for each of them, to which only the voxels of this
        label contribute. The channels of all labels, with label 0 for voxels of no structure, add up to the whole
        picture.
    dtype
        Precision of the arithmetic along the ray, for "fused": float32, or float64 to check derivatives.
    device
        The device to render on, such as "cuda".
    renderer_kwargs
        Keywords that are passed to DiffDRR's renderer at each call, such as ``n_points`` for "trilinear".

    Raises
    ------
    ValueError
        An argument makes no sense, a structure is not in the label map, or the subject was read with an orientation
        by which DiffDRR would turn every pose.
    """

    def __init__(
        self,
        subject: torchio.Subject,
        camera: Camera,
        method: str = "fused",
        *,
        step: float = STEP,
        voxel: float | None = None,
        structures: Sequence[str | int] | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        **renderer_kwargs: object,
    ) -> None:
        import torchio

        if method not in METHODS:
            raise ValueError(f"method is {method!r}: it can be {', '.join(map(repr, METHODS))}")
        for name, value in (("step", step), ("voxel", voxel)):
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} is {value}: it has to be a positive number of mm")
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype is {dtype}: it can be torch.float32 or torch.float64")
        if not isinstance(subject, torchio.Subject) or not isinstance(subject.get("density"), torchio.Image):
            found = f"a {type(subject).__name__}" if not isinstance(subject, torchio.Subject) else "one without density"
            raise ValueError(f"subject is {found}: one of diffpose_nb.ct.load_ct has the density that a ray integrates")
        self.camera, self._subject = camera, subject
        device = torch.device(device)
        self.method = "trilinear" if method == "fused" and device.type != "cpu" else method
        self._labels = None if structures is None else label_numbers(subject, structures)
        self._detector = camera.detector_points()
        if self.method == "fused":
            self._dtype = dtype
            self._step_fraction = step / camera.sid
            self._volumes = (
                [packed_density(subject, voxel, dtype)]
                if self._labels is None
                else [packed_structure(subject, label, voxel, dtype) for label in self._labels]
            )
        else:
            self._drr = make_drr(subject, camera, self.method, device)
            self._renderer_kwargs = renderer_kwargs

    def __call__(
        self, world_from_camera: Tensor, *, pixels: Tensor | None = None, intrinsics: Tensor | None = None
    ) -> Tensor:
        """Render line integrals from one pose or several.

        Their unit is that of ``density`` times mm, so they have no unit for a linear attenuation in 1/mm.

        Parameters
        ----------
        world_from_camera
            (4, 4) one pose, or (B, 4, 4) several.
        pixels
            (N, 2) points (column, row), which need not be whole numbers: only the rays to these points are rendered.
        intrinsics
            (3, 3) a matrix K that is used in place of ``camera.K``, so that focal lengths and principal point can be
            optimised.

        Returns
        -------
        Tensor
            (B, C, rows, columns), or (B, C, N) for ``pixels``; C is 1, or the number of ``structures``.
            It is differentiable with respect to the pose and to ``intrinsics``. If nothing of the CT is seen, a warning
            says why.
        """
        poses = as_float64(world_from_camera).reshape(-1, 4, 4)
        values = self._render(poses, pixels, intrinsics)
        if self.method != "fused":  # DiffDRR also draws what lies behind the source, and beyond the detector
            ends = [beyond_the_ends(self._subject, self.camera, pose) for pose in poses.detach()]
            between = torch.tensor([problem is None for problem in ends]).to(values)
            values = values * between.reshape(-1, *[1] * (values.ndim - 1))
        if len(poses) == 1 and self._labels is None and not values.any():
            self._say_why_nothing_is_seen(poses[0])
        return values

    def _render(self, poses: Tensor, pixels: Tensor | None, intrinsics: Tensor | None) -> Tensor:
        """What :meth:`__call__` gives, of poses (B, 4, 4)."""
        if self.method != "fused" and pixels is None and intrinsics is None:
            return self._pick(render_poses(self._drr, poses, self._labels is not None, **self._renderer_kwargs))
        order = slice(None) if pixels is None else _down_the_columns(pixels)
        in_camera = self._detector
        if pixels is not None or intrinsics is not None:
            in_camera = self.camera.detector_points(None if pixels is None else pixels[order], intrinsics)
        target = transform_points(poses, in_camera)
        source = poses[:, None, :3, 3].expand_as(target)
        if self.method == "fused":
            columns = self.camera.shape[1] if pixels is None else 1
            ends = (source, target, self._step_fraction, columns)
            images = [line_integrals(volume, *ends) for volume in self._volumes]
            values = torch.stack(images, 1).to(self._dtype)
        else:
            rays = render_rays(self._drr, source, target, self._labels is not None, **self._renderer_kwargs)
            values = self._pick(rays)
        if pixels is None:
            return values.reshape(*values.shape[:2], *self.camera.shape)
        return values[..., torch.argsort(order)]

    def _say_why_nothing_is_seen(self, pose: Tensor) -> None:
        if problem := out_of_sight(self._subject, self.camera, pose.detach()):
            warnings.warn(f"the picture is empty: {problem}", stacklevel=3)

    def _pick(self, channels: Tensor) -> Tensor:
        """The channels that were asked for; DiffDRR renders one for each label, counted from 0."""
        return channels if self._labels is None else channels[:, self._labels]


def _down_the_columns(pixels: Tensor) -> Tensor:
    """The order in which to visit the rays: by column, then by row.

    Each ray then finds the voxels that its neighbour has just read in the processor's cache.
    """
    column, row = torch.as_tensor(pixels, dtype=torch.float64).round().unbind(-1)
    by_row = torch.argsort(row, stable=True)
    return by_row[torch.argsort(column[by_row], stable=True)]
