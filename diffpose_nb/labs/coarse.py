"""The example's CT on a coarse grid, and its DRR in a few lines of NumPy: light enough for a laboratory of thirty.

A notebook that is graded is executed once for each student. The whole CT takes ten seconds and two gigabytes to load,
this one 50 ms. The pictures are those of :class:`diffpose_nb.render.Renderer` for the same grid, which a test compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from .. import data

MU_WATER = 0.0193
"""Linear attenuation of water, 1/mm, as :data:`diffpose_nb.ct.MU_WATER`, which takes seconds to import."""
LOWEST, STEP = -1024, 12
"""The file holds bytes: Hounsfield units are LOWEST + STEP times a byte."""
_HALF = 260.0
"""mm. A ray is sampled over this length before and behind its point nearest to the middle of the CT."""


@dataclass(frozen=True)
class Chest:
    """A CT as an array.

    Parameters
    ----------
    density
        (I, J, K) linear attenuation, 1/mm.
    world_from_voxel
        (4, 4) voxel indices to world coordinates: RAS axes, mm, origin in the middle of the CT.
    """

    density: NDArray[np.float32]
    world_from_voxel: NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """A detector: distance from the source, mm, width of its square pixels, mm, and (rows, columns)."""

    sid: float = 1020.0
    spacing: float = 12.0
    shape: tuple[int, int] = (26, 26)


@cache
def hounsfield() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """(I, J, K) Hounsfield units of the coarse CT, and its ``world_from_voxel`` (4, 4)."""
    with np.load(data.EXAMPLE_COARSE_CT) as file:
        return LOWEST + STEP * file["bytes"].astype(np.float32), file["world_from_voxel"]


def chest() -> Chest:
    """The coarse CT of the example, about 4 mm in the slices and 5 mm across them."""
    units, world_from_voxel = hounsfield()
    return Chest(np.clip(MU_WATER * (1 + units / 1000), 0, None), world_from_voxel)


def carm_pose(primary: float, secondary: float, sod: float) -> NDArray[np.float64]:
    """``world_from_camera`` (4, 4) of a C-arm, as :func:`diffpose_nb.camera.carm_pose`: degrees, mm."""
    a, b = np.deg2rad([primary, secondary])
    u = np.array([np.cos(a), np.sin(a), 0])
    v = np.array([np.sin(a) * np.sin(b), -np.cos(a) * np.sin(b), -np.cos(b)])
    d = np.array([np.sin(a) * np.cos(b), -np.cos(a) * np.cos(b), np.sin(b)])
    pose = np.eye(4)
    pose[:3, :3] = np.diag([-1.0, -1.0, 1.0]) @ np.stack([-u, v, d], 1)  # LPS to RAS
    pose[:3, 3] = -sod * pose[:3, 2]
    return pose


def drr(
    patient: Chest,
    world_from_camera: ArrayLike,
    view: View = View(),
    step: float = 4.0,
) -> NDArray[np.float64]:
    """Line integrals of a CT, (rows, columns), by sampling each ray.

    Parameters
    ----------
    patient
        The CT.
    world_from_camera
        (4, 4) pose of the C-arm.
    view
        The detector. Columns run from the patient's right to left at 0°, as in a DICOM file.
    step
        Distance between samples, mm.
    """
    pose, (rows, columns) = np.asarray(world_from_camera, float), view.shape
    r, c = np.meshgrid(np.arange(rows) - (rows - 1) / 2, np.arange(columns) - (columns - 1) / 2, indexing="ij")
    rays = np.stack([-c * view.spacing, r * view.spacing, np.full_like(r, view.sid)], -1).reshape(-1, 3)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    directions = rays @ pose[:3, :3].T
    middle = -(directions @ pose[:3, 3])[:, None]  # where the ray passes the origin
    along = middle + np.arange(-_HALF, _HALF, step)
    points = pose[:3, 3] + along[..., None] * directions[:, None]
    voxel_from_world = np.linalg.inv(patient.world_from_voxel)
    indices = points @ voxel_from_world[:3, :3].T + voxel_from_world[:3, 3]
    samples = map_coordinates(patient.density, np.moveaxis(indices, -1, 0), order=1, mode="constant")
    return step * samples.sum(-1).reshape(rows, columns)
