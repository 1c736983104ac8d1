"""Copies of a CT that are prepared for the march: coarser, smoother, or of one structure alone.

They are kept as long as the CT lives.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from ...ct import MU_WATER
from ...ct.load import kept_key
from ...runtime import fingerprint, kept_arrays
from .cache import MadeFrom
from .volume import PackedVolume, Reach, Volume, shifted

if TYPE_CHECKING:
    import torchio

DEPTH = 5.0
"""mm: where a CT is continued, the mean over this depth below its face is repeated."""
NOWHERE: Reach = ((0.0, 0.0),) * 3
BONE_FROM = 1.1
"""What attenuates more than this many times as much as water counts as bone."""
_MOST = 12
"""So many copies of the example CT are kept on the disk. The finest take 70 MB."""
_prepared = MadeFrom()
"""The copies that were made so far. Making such a copy takes longer than a registration with it."""


def place(subject: torchio.Subject) -> bytes:
    """Where the density lies in the world: part of the key of everything that is made from it."""
    return np.asarray(subject["density"].affine, np.float64).tobytes()


def packed_density(subject: torchio.Subject, voxel: float | None, dtype: torch.dtype) -> PackedVolume:
    """The subject's density, packed; if ``voxel`` is given, it is first averaged over blocks of about so many mm.

    It is made once for each subject.
    """

    def make() -> PackedVolume:
        volume = Volume.of(subject["density"], dtype)
        return (volume if voxel is None else volume.coarsen(voxel)).pack()

    key = (voxel, dtype, place(subject))
    made = make if dtype == torch.float64 else lambda: _kept(subject, key, make)
    return _prepared.get(subject["density"].data, key, made)


def packed_structure(subject: torchio.Subject, label: int, voxel: float | None, dtype: torch.dtype) -> PackedVolume:
    """The density of one structure, with zero elsewhere; otherwise as :func:`packed_density`.

    The interpolation is linear in the values, so the integrals of all labels add up to the integral of the whole CT.
    """
    labels = subject["mask"].data

    def make() -> PackedVolume:
        whole = Volume.of(subject["density"], dtype)
        blocks = (1, 1, 1) if voxel is None else whole.blocks(voxel)
        return only(whole, labels[0].numpy(), label, blocks).average(blocks).pack()

    return _prepared.get((subject["density"].data, labels), (voxel, dtype, label, place(subject)), make)


def smoothed(
    subject: torchio.Subject,
    voxel: float,
    smoothing: float,
    bone: float = 1.0,
    soft: float = 1.0,
    reach: Reach = NOWHERE,
) -> PackedVolume:
    """A CT to register with: bone is emphasised, then the CT is averaged over blocks, then it is blurred.

    It is made once for each subject.

    Parameters
    ----------
    voxel
        Approximate size of the blocks, mm.
    smoothing
        Standard deviation of the Gaussian blur, mm.
    bone
        Factor on the part of the attenuation that is above 1.1 times that of water; 1 leaves the CT as it is.
    soft
        Factor on the rest. 0 leaves only what bone attenuates more than the tissue that it replaces.
    reach
        How far, mm, the outermost slices are repeated outwards, at the low and the high end of each axis. It is a guess
        of what lies beyond a short CT; see :func:`diffpose_nb.render.volumes.outside.cut_faces`.
    """

    def make() -> PackedVolume:
        return smoothed_volume(subject, voxel, smoothing, bone, soft, reach).pack()

    key = (voxel, smoothing, bone, soft, reach, place(subject))
    return _prepared.get(subject["density"].data, key, lambda: _kept(subject, key, make))


def _kept(subject: torchio.Subject, key: tuple, make: Callable[[], PackedVolume]) -> PackedVolume:
    """What ``make()`` returns; of the example CT it is kept on the disk, for the next process."""
    known = kept_key(subject)
    if known is None:
        return make()
    code = [*sorted(Path(__file__).parent.glob("*.py")), Path(__file__).parents[1] / "kernel.py"]
    found = kept_arrays(
        f"example_level.{fingerprint(repr(key))}",
        fingerprint(known, *code),
        lambda: {field: np.asarray(value) for field, value in vars(make()).items()},
        _MOST,
    )
    return PackedVolume(found["values"], float(found["unit"]), np.array(found["world_from_voxel"]))


def smoothed_volume(
    subject: torchio.Subject,
    voxel: float,
    smoothing: float,
    bone: float = 1.0,
    soft: float = 1.0,
    reach: Reach = NOWHERE,
) -> Volume:
    """As :func:`smoothed`, but not packed, and made anew with every call."""
    volume = Volume.of(subject["density"])
    values = volume.values
    if bone != 1 or soft != 1:
        values = np.empty_like(values)
        slowest = int(np.argmax(values.strides))  # slab by slab, as they lie in memory: each stays in the cache
        for out, slab in zip(*(np.moveaxis(each, slowest, 0) for each in (values, volume.values)), strict=True):
            np.maximum(slab - BONE_FROM * MU_WATER, 0, out=out)
            out *= bone - soft
            out += soft * slab
    coarse = Volume(values, volume.world_from_voxel).coarsen(voxel)
    return (coarse if reach == NOWHERE else coarse.continued(reach, DEPTH)).smooth(smoothing)


def only(volume: Volume, labels: np.ndarray, label: int, blocks: tuple[int, int, int] = (1, 1, 1)) -> Volume:
    """The voxels that have one label, with zero elsewhere, in the smallest box that holds them.

    Parameters
    ----------
    volume, labels
        The values, and the label of every voxel, on the same grid (I, J, K).
    blocks
        Size, in voxels, of the blocks over which the result will be averaged. The box begins where a block begins, so
        that its averages are those of the whole volume.
    """
    box = ndimage.find_objects((labels == label).view(np.uint8))
    box = box[0] if box else (slice(0, 1),) * 3
    box = tuple(slice(axis.start // block * block, axis.stop) for axis, block in zip(box, blocks, strict=True))
    values = np.where(labels[box] == label, volume.values[box], volume.values.dtype.type(0))
    return Volume(values, shifted(volume.world_from_voxel, [axis.start for axis in box]))
