"""Pictures to train on: rendered, turned, and made to look like X-rays.

A camera that turns about its source sees the same rays, only elsewhere on the detector. So three of the six degrees of
freedom need no renderer: a DRR of a wide field, warped, is the exact DRR of every pose with that source. A pool of such
DRRs, renewed all the time, gives many more pictures than could be rendered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import roma
import torch
import torchio
from torch import Tensor
from torch.nn.functional import grid_sample

from ..camera import Camera, carm_pose, make_transform, ras_from_lps
from ..render import integrate, smoothed
from .poses import PoseRange

VOXEL, STEP = 2.5, 3.0
"""mm, of the CT's blocks and along a ray: about the size of a pixel in the patient."""
FIELD = 1.35
"""How much wider than the camera's the field of a rendered DRR is."""
BONES = (1.0, 1.5, 2.0, 2.5)
"""Factors on what bone attenuates above water, one of them for each DRR; 2 is about what an X-ray at 80 kV has."""


class Pictures(NamedTuple):
    """A batch: line integrals (B, 1, rows, columns), the part of them that was rendered (bool), ``world_from_camera``
    (B, 4, 4) float64."""

    images: Tensor
    valid: Tensor
    poses: Tensor


class Pool:
    """DRRs of a subject, with random poses, the oldest of which are replaced by new ones.

    The n-th DRR depends on the seed and on n only, so a pool can be made again as it was.

    Parameters
    ----------
    subject
        The CT.
    camera
        Of the pictures.
    poses
        The distribution to draw from.
    size
        How many DRRs to keep.
    seed
        Of the poses.
    bones
        See :data:`BONES`.

    Raises
    ------
    ValueError
        If the CT attenuates nothing.
    """

    def __init__(
        self,
        subject: torchio.Subject,
        camera: Camera,
        poses: PoseRange,
        size: int = 1024,
        seed: int = 0,
        bones: Sequence[float] = BONES,
    ) -> None:
        if not subject["density"].data.any():
            raise ValueError("the CT attenuates nothing: its density is 0 everywhere, so there is nothing to see in it")
        self.camera, self.poses, self.size, self.seed = camera, poses, size, seed
        self.rendered = 0
        self.wide = widened(camera, FIELD)
        self._volumes = [smoothed(subject, VOXEL, 0.0, bone) for bone in bones]
        self._images = torch.zeros(size, 1, *self.wide.shape)
        self._bases = torch.zeros(size, 4, 4, dtype=torch.float64)

    def render(self, number: int) -> None:
        """The next ``number`` DRRs."""
        for n in range(self.rendered, self.rendered + number):
            generator = torch.Generator().manual_seed(mixed(self.seed, n))
            base = facing(self.poses.sample(1, generator)[0, :3, 3])
            bone = int(torch.randint(len(self._volumes), (), generator=generator))
            self._images[n % self.size, 0] = self.drr(base, bone)
            self._bases[n % self.size] = base
        self.rendered += number

    def drr(self, world_from_camera: Tensor, bone: int) -> Tensor:
        """The wide picture (rows, columns) from a pose (4, 4), with one of the factors on bone."""
        source, target = self.wide.rays(world_from_camera)
        rays = (source[None], target[None], STEP / self.camera.sid, False, self.wide.shape[1])
        return integrate(self._volumes[bone], *rays)[0].reshape(self.wide.shape)

    def skip_to(self, rendered: int) -> None:
        """The pool as it was when so many had been rendered."""
        self.rendered = max(0, rendered - self.size)
        self.render(rendered - self.rendered)

    def draw(self, number: int, generator: torch.Generator) -> Pictures:
        """Random DRRs of the pool, each turned about its source."""
        which = torch.randint(min(self.rendered, self.size), (number,), generator=generator)
        bases = self._bases[which]
        roll, x, y = self.poses.parameters(self.poses.sample(number, generator))[:, 2:5].unbind(-1)
        turns = turn_about_source(bases[:, :3, 3].norm(dim=-1), roll, x, y)
        images, valid = warp(self._images[which], self.wide, self.camera, turns)
        return Pictures(images, valid, bases @ make_transform(turns, torch.zeros(3).expand(number, 3)))


def facing(source: Tensor) -> Tensor:
    """``world_from_camera`` (4, 4) of the camera at a point of the world that looks at the world's origin, unrolled."""
    towards = -(ras_from_lps[:3, :3] @ source) / source.norm()
    alpha, beta = torch.atan2(towards[0], -towards[1]), torch.asin(towards[2])
    return carm_pose(torch.rad2deg(alpha), torch.rad2deg(beta), source.norm())


def turn_about_source(distance: Tensor, roll: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Rotations (B, 3, 3), from the turned camera to one that faces the origin.

    Parameters
    ----------
    distance
        (B,) from the source to the world's origin, mm.
    roll, x, y
        (B,) of :class:`PoseRange`, for the turned camera: degrees, and mm from its optical axis to the origin.
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
    """What another camera at the same source sees: exact but for the interpolation.

    Parameters
    ----------
    images
        (B, 1, rows, columns) of ``camera``.
    to
        The other camera; its SID, pixels and principal point may differ.
    turns
        (B, 3, 3) or (3, 3): from its axes to those of ``camera``.

    Returns
    -------
    (Tensor, Tensor)
        (B, 1, rows, columns) of ``to``, and bool where ``camera`` saw anything; elsewhere zero.
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
    """The same pixels, and more of them all round."""
    rows, columns = camera.shape
    down, across = (round(size * (factor - 1) / 2) for size in (rows, columns))
    column, row = camera.principal_point
    return replace(camera, shape=(rows + 2 * down, columns + 2 * across), principal_point=(column + across, row + down))


def mixed(seed: int, n: int) -> int:
    """A seed for the n-th of something: neighbours have nothing in common."""
    return int(torch.randint(2**62, (1,), generator=torch.Generator().manual_seed(seed * 1_000_003 + n)))
