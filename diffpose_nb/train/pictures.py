"""Pictures to train on, which are rendered from a CT and then turned.

A camera that turns about its source sees the same rays, but at other places on the detector. So three of the six
degrees of freedom need no renderer: a DRR with a wide field can be warped into the exact DRR of every pose with the
same source. A pool of such DRRs, whose oldest members are always replaced by new ones, gives many more pictures than
could be rendered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
import torchio
from torch import Tensor
from torch.nn.functional import grid_sample

from ..camera import Camera, as_float64, carm_pose, make_transform, ras_from_lps, transform_points
from ..camera.rotations import roma
from ..render import PackedVolume, VolumeOnDevice, integrate, smoothed
from .ends import continued, draw_ends
from .poses import PoseRange

VOXEL, STEP = 2.5, 3.0
"""Size of the CT's blocks and step along a ray, mm: about the size of a pixel in the patient."""
FIELD = 1.35
"""Factor by which the field of a rendered DRR is wider than that of the camera."""
BONES = (1.0, 1.5, 2.0, 2.5)
"""Factors on the attenuation of bone above that of water; one of them is drawn for each DRR. An X-ray at 80 kV
corresponds to a factor of about 2."""
_AT_ONCE = 8
"""Number of DRRs that a device renders at once; each of 130 x 130 pixels takes about 150 MB meanwhile."""


class Pictures(NamedTuple):
    """A batch of pictures.

    ``images`` are line integrals (B, 1, rows, columns). ``valid`` (bool, same shape) is True where they were rendered.
    ``poses`` are ``world_from_camera`` (B, 4, 4) float64.
    """

    images: Tensor
    valid: Tensor
    poses: Tensor


class Pool:
    """DRRs of a subject from random poses. New DRRs replace the oldest ones.

    The n-th DRR depends on the seed and on n only, so the same pool can be made again.

    Parameters
    ----------
    subject
        The CT.
    camera
        The camera of the pictures.
    poses
        The distribution from which poses are drawn.
    size
        Number of DRRs that are kept.
    seed
        Seed of the poses and of the factors on bone.
    bones
        Factors on bone, see :data:`BONES`.
    continuation
        Probability that the CT of a DRR is continued beyond its first and last slice, see
        :mod:`diffpose_nb.train.ends`. It helps where X-rays show more of the patient than the CT.
    cut
        Before the CT is continued, 0 to so many mm of it are cut away at each end.
    method, device
        "fused" renders with this package's march, on the CPU. "trilinear" is DiffDRR's kernel, which renders many DRRs
        at once on ``device``; on another device than the CPU it takes the place of "fused". The DRRs are kept in the
        CPU's memory.

    Raises
    ------
    ValueError
        The CT attenuates nothing, or there is no such method.
    """

    def __init__(
        self,
        subject: torchio.Subject,
        camera: Camera,
        poses: PoseRange,
        size: int = 1024,
        seed: int = 0,
        bones: Sequence[float] = BONES,
        continuation: float = 0.0,
        cut: float = 0.0,
        method: str = "fused",
        device: torch.device | str = "cpu",
    ) -> None:
        if not subject["density"].data.any():
            raise ValueError("the CT attenuates nothing: its density is 0 everywhere, so there is nothing to see in it")
        if method not in ("fused", "trilinear"):
            raise ValueError(f"method is {method!r}: a pool renders with 'fused' or 'trilinear'")
        self.camera, self.poses, self.size, self.seed = camera, poses, size, seed
        self.continuation, self.cut = continuation, cut
        self.rendered = 0
        self.wide = widened(camera, FIELD)
        self._volumes = [smoothed(subject, VOXEL, 0.0, bone) for bone in bones]
        self._device = torch.device(device)
        self._on_device: list[VolumeOnDevice] | None = None
        if method == "trilinear" or self._device.type != "cpu":
            self._on_device = [VolumeOnDevice(volume, self._device) for volume in self._volumes]
        self._images = torch.zeros(size, 1, *self.wide.shape)
        self._bases = torch.zeros(size, 4, 4, dtype=torch.float64)
        self._distances = torch.zeros(size, dtype=torch.float64)

    def render(self, number: int) -> None:
        """Render the next ``number`` DRRs."""
        pending: dict[int, int] = {}  # where a DRR will be kept, and its volume: a device renders several at once
        for n in range(self.rendered, self.rendered + number):
            generator = torch.Generator().manual_seed(mixed(self.seed, n))
            offsets = self.poses.sample_offsets(1, generator)
            isocenter = self.poses.sample_isocenters(1, generator)[0]
            source = self.poses.pose(offsets, isocenter)[0, :3, 3]
            base = facing(source, isocenter)
            which = int(torch.randint(len(self._volumes), (), generator=generator))
            ends = draw_ends(self.continuation, self.cut, generator)
            place = n % self.size
            self._bases[place], self._distances[place] = base, (source - isocenter).norm()
            if self._on_device is not None and ends is None:
                pending[place] = which
                continue
            pending.pop(place, None)
            volume = self._volumes[which] if ends is None else continued(self._volumes[which], ends)
            self._images[place, 0] = self.drr(base, volume)
        for which, volume in enumerate(self._on_device or ()):
            places = torch.tensor([place for place, needed in pending.items() if needed == which], dtype=torch.long)
            for some in places.split(_AT_ONCE) if len(places) else ():
                self._images[some, 0] = self._drrs(self._bases[some], volume).cpu()
        self.rendered += number

    def drr(self, world_from_camera: Tensor, volume: PackedVolume) -> Tensor:
        """The picture (rows, columns) of the wide field of a volume, from a pose (4, 4)."""
        if self._on_device is not None:
            return self._drrs(world_from_camera[None], VolumeOnDevice(volume, self._device))[0].cpu()
        source, target = self.wide.rays(world_from_camera)
        rays = (source[None], target[None], STEP / self.camera.sid, False, self.wide.shape[1])
        return integrate(volume, *rays)[0].reshape(self.wide.shape)

    def _drrs(self, world_from_camera: Tensor, volume: VolumeOnDevice) -> Tensor:
        """Pictures (B, rows, columns) of the wide field of a volume on a device, from poses (B, 4, 4)."""
        target = transform_points(world_from_camera, self.wide.detector_points())
        source = world_from_camera[:, None, :3, 3].expand_as(target)
        return volume.integrate(source, target, STEP / self.camera.sid).reshape(-1, *self.wide.shape)

    def skip_to(self, rendered: int) -> None:
        """Bring the pool into the state that it has after ``rendered`` DRRs."""
        self.rendered = max(0, rendered - self.size)
        self.render(rendered - self.rendered)

    def draw(self, number: int, generator: torch.Generator) -> Pictures:
        """Draw random DRRs of the pool, and turn each at random about its source."""
        which = torch.randint(min(self.rendered, self.size), (number,), generator=generator)
        bases = self._bases[which]
        roll, x, y = self.poses.sample_offsets(number, generator)[:, 2:5].unbind(-1)
        turns = turn_about_source(self._distances[which], roll, x, y)
        images, valid = warp(self._images[which], self.wide, self.camera, turns)
        return Pictures(images, valid, bases @ make_transform(turns, torch.zeros(3).expand(number, 3)))


def facing(source: Tensor, isocenter: Tensor | Sequence[float] = (0.0, 0.0, 0.0)) -> Tensor:
    """``world_from_camera`` (4, 4) of a camera at ``source`` that looks at the isocentre, without roll.

    Both are points (3,) in world coordinates, mm. The default isocentre is the world's origin.
    """
    isocenter = as_float64(isocenter)
    away = source - isocenter
    towards = -(ras_from_lps[:3, :3] @ away) / away.norm()
    alpha, beta = torch.atan2(towards[0], -towards[1]), torch.asin(towards[2])
    return carm_pose(torch.rad2deg(alpha), torch.rad2deg(beta), away.norm(), isocenter)


def turn_about_source(distance: Tensor, roll: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Rotations (B, 3, 3) from the axes of a turned camera to those of a camera that faces the isocentre.

    Parameters
    ----------
    distance
        (B,) distance from the source to the isocentre, mm.
    roll, x, y
        (B,) parameters of :class:`PoseRange` for the turned camera: the roll in degrees, and the distances in mm
        between its optical axis and the isocentre.
    """
    axis = torch.zeros(len(roll), 3, dtype=torch.float64)
    axis[:, 2] = torch.deg2rad(roll)
    rolled = roma.rotvec_to_rotmat(axis)
    origin = torch.stack([-x, -y, (distance.square() - x.square() - y.square()).sqrt()], -1) / distance[:, None]
    seen = (rolled @ origin[..., None]).squeeze(-1)
    ahead = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).expand_as(seen)
    across = torch.linalg.cross(seen, ahead)
    sine = across.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, seen[:, 2:])
    return roma.rotvec_to_rotmat(across * (angle / sine.clamp(min=1e-12))) @ rolled


def warp(images: Tensor, camera: Camera, to: Camera, turns: Tensor) -> tuple[Tensor, Tensor]:
    """What another camera at the same source sees. The result is exact except for the interpolation.

    Parameters
    ----------
    images
        (B, 1, rows, columns) pictures of ``camera``.
    to
        The other camera; its SID, pixels and principal point may differ.
    turns
        (B, 3, 3) or (3, 3) rotations from the axes of ``to`` to those of ``camera``.

    Returns
    -------
    (Tensor, Tensor)
        (B, 1, rows, columns) pictures of ``to``, and a bool mask that is True where ``camera`` saw something. Elsewhere
        the pictures are zero.
    """
    homogeneous = to.detector_points().to(images.dtype) @ (camera.K @ turns).mT.to(images.dtype)
    rows, columns = camera.shape
    size = images.new_tensor([columns, rows])
    grid = ((2 * homogeneous[..., :2] / homogeneous[..., 2:] + 1) / size - 1).reshape(-1, *to.shape, 2)
    inside = (grid.abs() <= 1 - 1 / size).all(-1, keepdim=True).movedim(-1, 1)
    inside = inside.expand(len(images), -1, -1, -1)
    grid = grid.expand(len(images), -1, -1, -1)
    warped = grid_sample(images, grid, align_corners=False, padding_mode="border")
    return warped * inside, inside


def widened(camera: Camera, factor: float) -> Camera:
    """A camera with more pixels of the same size on all sides; its field is wider by ``factor``."""
    rows, columns = camera.shape
    down, across = (round(size * (factor - 1) / 2) for size in (rows, columns))
    column, row = camera.principal_point
    return replace(camera, shape=(rows + 2 * down, columns + 2 * across), principal_point=(column + across, row + down))


def mixed(seed: int, n: int) -> int:
    """The seed of the n-th item of a series. Items with neighbouring n get unrelated random numbers."""
    return int(torch.randint(2**62, (1,), generator=torch.Generator().manual_seed(seed * 1_000_003 + n)))
