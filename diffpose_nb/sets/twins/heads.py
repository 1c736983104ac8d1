"""A twin of the Ljubljana file: a tree of vessels grown into the example CT, subtracted X-rays of it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch
import torchio
from scipy import ndimage
from torch import Tensor

from ... import ct
from ...camera import carm_pose, invert, make_transform, ras_from_lps
from ...frames import from_ljubljana, to_ljubljana
from ...runtime import progress_bar
from ...simulate import simulate_xray
from ..angiograms import EVERY_VIEW, VIEWS
from ..hdf5 import TWIN
from .specimens import aimed
from .vessels import Vessel, filled, grow, occupancy

SPACING = 0.154
"""mm, the published pixels."""
PIXELS = (1920, 2400)
"""Rows and columns of the twin's images before binning. The published images differ among each other."""
ABOUT = (
    "This is a twin of the Ljubljana set, not the set: random trees of tubes in place of cerebral vessels, grown into "
    "a chest CT, and simulated X-rays with and without contrast agent, divided by each other. Its errors say nothing "
    "about real X-rays."
)
_OFF_CENTRE = 28.0
"""mm: how far the principal point lies from the middle of an image along its columns at most, as in the set."""
_BLOOD, _TISSUE = 4000.0, 0.4
"""Grey value of contrast agent, and grey values for each Hounsfield unit above air, in the 3D angiogram."""
_GAIN = 12_000.0
"""Digital number of the open beam, the same with contrast agent and without."""


def ljubljana_twin(
    path: str | Path,
    *,
    subjects: int = 10,
    binning: int = 8,
    voxel: float = 0.8,
    size: float = 160.0,
    seed: int = 0,
    subject: torchio.Subject | None = None,
    progress: bool = True,
) -> Path:
    """Write a file with the groups and arrays of the Ljubljana set as DiffPose repacked it, see :data:`ABOUT`.

    Each X-ray has its own SID and principal point. The maxima over time (``proj-ap-max``, ``proj-lat-max``) are copies
    of the main X-rays.

    Parameters
    ----------
    path
        The file to write; its folder is made if it does not exist.
    subjects
        How many patients, each with a tree of its own.
    binning
        The images have :data:`PIXELS` divided by this, in pixels of 0.154 mm times this.
    voxel, size
        Size of the 3D angiogram's voxels, and length of its sides, mm.
    seed
        Another seed makes other trees, poses and noise.
    subject
        The CT; by default :func:`diffpose_nb.ct.example`.
    progress
        Show a progress bar.

    Returns
    -------
    Path
        ``path``. The file is in place only when it is whole.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    subject = ct.example() if subject is None else subject
    fresh = path.with_name(f".{path.name}.new")
    try:
        with (
            h5py.File(fresh, "w") as file,
            progress_bar(total=subjects * len(VIEWS), desc="simulated X-rays", show=progress) as bar,
        ):
            file.attrs[TWIN] = ABOUT
            for n in range(subjects):
                rng = np.random.default_rng([seed, n])
                at = rng.uniform([-15, -15, -40], [15, 15, 40])  # where in the chest the tree stands, world mm
                vessels = grow(int(rng.integers(2**31)), 0.42 * size)
                group = file.create_group(f"subject{n + 1:02d}")
                world_from_volume = _write_volume(group, subject, vessels, at, voxel, size)
                for view in VIEWS:
                    _write_projection(group, view, rng, subject, vessels, at, world_from_volume, binning)
                    bar.update()
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return path


def _write_volume(
    group: h5py.Group, subject: torchio.Subject, vessels: list[Vessel], at: np.ndarray, voxel: float, size: float
) -> Tensor:
    """The 3D angiogram and the centre lines. Returns ``world_from_volume``, whose world has its origin in the tree."""
    count = round(size / voxel)
    shape = (count,) * 3
    # world axes point to right, front and head, those of the volume to left, back and head
    world_from_voxel = np.diag([-voxel, -voxel, voxel, 1.0])
    world_from_voxel[:3, 3] = np.array([1, 1, -1]) * (count - 1) / 2 * voxel
    old_from_new = np.linalg.inv(subject["volume"].affine) @ make_transform(torch.eye(3), at).numpy() @ world_from_voxel
    hounsfield = ndimage.affine_transform(
        subject["volume"].data[0].numpy(), old_from_new[:3, :3], old_from_new[:3, 3], shape, order=1, cval=-1000
    )
    tree = [Vessel(vessel.points * [-1, -1, 1], vessel.radius) for vessel in vessels]
    share = occupancy(tree, shape, voxel)
    grey = (1 - share) * _TISSUE * (hounsfield.clip(-1000, 1400) + 1000) + share * _BLOOD
    # as DiffPose's renderer flips the first axis, so does the file
    group.create_dataset("volume/pixels", data=grey[::-1].astype(np.float32), compression="lzf", chunks=True)
    group["volume/spacing"] = np.full(3, voxel, np.float32)
    group["volume/origin"] = np.zeros(3, np.float32)
    centre = torch.full((3,), count * voxel / 2, dtype=torch.float64)
    group["points"] = (np.concatenate([vessel.points for vessel in tree]) + centre.numpy()).astype(np.float32)
    return ras_from_lps @ make_transform(torch.eye(3), -centre)


def _write_projection(
    group: h5py.Group,
    view: str,
    rng: np.random.Generator,
    subject: torchio.Subject,
    vessels: list[Vessel],
    at: np.ndarray,
    world_from_volume: Tensor,
    binning: int,
) -> None:
    rows, columns = (size // binning for size in PIXELS)
    spacing = SPACING * binning
    sid, sod = rng.uniform(1090, 1200), rng.uniform(720, 780)
    aside = rng.uniform([-_OFF_CENTRE, -5], [_OFF_CENTRE, 5]) / spacing
    column, row = aside + np.array([columns - 1, rows - 1]) / 2
    intrinsic = torch.tensor([[-sid / spacing, 0, column], [0, -sid / spacing, row], [0, 0, 1]], dtype=torch.float32)
    primary = {"ap": 0.0, "lat": 90.0}[view] + rng.uniform(-10, 10)
    # the C-arm is aimed so that the tree is in the picture, although the principal point is not in its middle
    pose = aimed(rng, carm_pose(primary, rng.uniform(-10, 10), sod), roll=4.0)
    # the image is mirrored: what lies further along the camera's x has a smaller column
    shift = [float(aside[0]) * spacing * sod / sid, -float(aside[1]) * spacing * sod / sid, 0.0]
    pose = pose @ invert(make_transform(torch.eye(3), shift))
    extrinsic = to_ljubljana(pose, intrinsic, world_from_volume).float()
    camera, pose = from_ljubljana(extrinsic, intrinsic, (spacing, spacing), (rows, columns), world_from_volume)

    motion = make_transform(torch.eye(3), at) @ pose @ invert(carm_pose(0, 0, sod))
    effects = {"motion": motion, "supersampling": 1, "collimation": None, "gain": _GAIN, "photons": 2e6}
    seeds = rng.integers(2**31, size=2).tolist()
    mask = simulate_xray(subject, camera, 0, 0, sod, seed=seeds[0], **effects).pixels
    with_agent = simulate_xray(subject, camera, 0, 0, sod, seed=seeds[1], foreign=filled(vessels, at), **effects).pixels
    pixels = (1000 * with_agent.clamp(min=1) / mask.clamp(min=1)).numpy()
    for name in (one for one in EVERY_VIEW if one.removesuffix("-max") == view):
        place = group.create_group(f"proj-{name}")
        place.create_dataset("pixels", data=pixels, compression="lzf", chunks=True)
        place["extrinsic"], place["intrinsic"] = extrinsic.numpy(), intrinsic.numpy()
        place["row-spacing"] = place["col-spacing"] = np.float32(spacing)
