"""The surface of a CT's bones as a mesh in world mm, with few enough triangles to be drawn quickly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvista as pv
import torchio
from scipy import ndimage

from ..ct import CTError
from ..data import EXAMPLE_BONES
from ..render import Volume

BONE_HU = 250.0
"""Hounsfield units above which a voxel counts as bone, in a CT without a label map. Spongy bone starts at about 150,
compact bone at 700. Vessels with contrast agent have 150 to 400, so some of them are shown as well."""
GROUPS = ("vertebrae", "ribs", "skeleton")
"""Groups of ``subject.structures`` that are shown as bone. The group of the ribs contains their cartilage, too."""
_VOXEL = 2.0  # mm: finer voxels are averaged to about this size first, since the mesh is too coarse to show them
_SMALLEST = 100  # points: pieces of the surface with fewer points are dropped as noise
_UNIT = 0.01  # mm: coordinates are stored as whole multiples of this


def surface(subject: torchio.Subject, triangles: int = 25_000, voxel: float = _VOXEL) -> pv.PolyData:
    """The bones of a CT as a mesh in world mm.

    If the subject has a label map whose structures have groups, these are the structures of :data:`GROUPS`; otherwise
    everything above :data:`BONE_HU`. Voxels are averaged first, small pieces of the surface are dropped, and
    the mesh is reduced to fewer triangles.

    Parameters
    ----------
    subject
        A CT, as :mod:`diffpose_nb.ct` reads it.
    triangles
        About how many triangles to keep.
    voxel
        mm: to about what size voxels are averaged.

    Raises
    ------
    CTError
        If there is no bone.
    """
    mask, structures = subject.get("mask"), subject.get("structures")
    if mask is not None and structures is not None and "group" in structures:
        labels = structures.id[structures.group.isin(GROUPS)]
        voxels, affine, level = np.isin(mask.data[0].numpy().astype(int), labels), mask.affine, 0.4
    else:
        voxels, affine, level = subject.volume.data[0].numpy(), subject.volume.affine, BONE_HU
    size = np.linalg.norm(affine[:3, :3], axis=0)
    blocks = np.maximum(1, (voxel / size).astype(int))
    volume = Volume(voxels.astype(np.float32), affine).average(tuple(blocks))
    voxels, affine = volume.values, volume.world_from_voxel
    outside = min(float(voxels.min()), 0.0)
    # a rim of "not bone" around the CT closes the surface where the CT ends
    smooth = np.pad(ndimage.gaussian_filter(voxels, 0.7), 1, constant_values=outside)
    if smooth.max() <= level:
        raise CTError(f"there is no bone in this CT: nothing is above {BONE_HU:g} HU, or labelled {', '.join(GROUPS)}")
    grid = pv.ImageData(dimensions=smooth.shape)
    grid["value"] = smooth.ravel(order="F")
    pieces = grid.contour([level], "value").connectivity("all")
    piece = pieces.point_data["RegionId"]
    large = np.bincount(piece)[piece] >= _SMALLEST
    mesh = pieces.extract_points(large if large.any() else piece == 0, adjacent_cells=False).extract_surface(
        algorithm="dataset_surface"
    )
    mesh.clear_data()
    if mesh.n_cells > triangles:
        mesh = mesh.decimate(1 - triangles / mesh.n_cells)
    points = (mesh.points - 1) @ affine[:3, :3].T + affine[:3, 3]  # - 1, since the rim made voxel 0 number 1
    return pv.PolyData(points.astype(np.float32), mesh.faces)


def save(mesh: pv.PolyData, path: Path) -> None:
    """Write a mesh to a small file, with coordinates rounded to 0.01 mm and 16 bits for each number.

    Raises
    ------
    ValueError
        If the mesh has more than 65,536 points, or a coordinate beyond 327 mm from the origin.
    """
    points = np.rint(mesh.points / _UNIT)
    if mesh.n_points > 2**16 or np.abs(points).max() > np.iinfo(np.int16).max:
        raise ValueError(
            f"{mesh.n_points} points as far as {np.abs(mesh.points).max():.0f} mm do not fit into 16 bits: "
            "ask surface() for fewer triangles, and centre the CT"
        )
    np.savez_compressed(path, points=points.astype(np.int16), triangles=mesh.regular_faces.astype(np.uint16))


def example() -> pv.PolyData:
    """The bones of :func:`diffpose_nb.ct.example`, about 25,000 triangles, from a file of the package."""
    with np.load(EXAMPLE_BONES) as stored:
        points, triangles = stored["points"] * np.float32(_UNIT), stored["triangles"].astype(np.int64)
    return pv.PolyData.from_regular_faces(points.astype(np.float32), triangles)
