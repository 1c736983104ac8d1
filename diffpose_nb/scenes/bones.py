"""The surface of a CT's bones as a mesh that is light enough to draw, in world mm."""

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
"""Hounsfield units. Spongy bone starts at about 150, compact bone at 700; contrast agent in vessels has 150 to 400, so
that a CT without a label map shows them too."""
GROUPS = ("vertebrae", "ribs", "skeleton")
"""Groups of ``subject.structures`` that are bone (the ribs' cartilage counts as rib)."""
_VOXEL = 2.0  # mm: voxels finer than this are averaged first, since the mesh cannot show them
_SMALLEST = 100  # points; smaller pieces are noise
_UNIT = 0.01  # mm: what coordinates are stored in


def surface(subject: torchio.Subject, triangles: int = 25_000) -> pv.PolyData:
    """The bones of a CT.

    Where the subject has a label map with named structures, the labelled bones; else everything above
    :data:`BONE_HU`. Voxels are averaged to about 2 mm, small pieces dropped, and the mesh thinned out.

    Parameters
    ----------
    subject
        Of :mod:`diffpose_nb.ct`.
    triangles
        About how many to keep.

    Raises
    ------
    CTError
        There is no bone.
    """
    mask, structures = subject.get("mask"), subject.get("structures")
    if mask is not None and structures is not None and "group" in structures:
        labels = structures.id[structures.group.isin(GROUPS)]
        voxels, affine, level = np.isin(mask.data[0].numpy().astype(int), labels), mask.affine, 0.4
    else:
        voxels, affine, level = subject.volume.data[0].numpy(), subject.volume.affine, BONE_HU
    size = np.linalg.norm(affine[:3, :3], axis=0)
    blocks = np.maximum(1, (_VOXEL / size).astype(int))
    volume = Volume(voxels.astype(np.float32), affine).average(tuple(blocks))
    voxels, affine = volume.values, volume.world_from_voxel
    outside = min(float(voxels.min()), 0.0)
    # closed where the CT ends: a rim of "not bone" around it
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
    points = (mesh.points - 1) @ affine[:3, :3].T + affine[:3, 3]  # the rim moved voxel 0 to 1
    return pv.PolyData(points.astype(np.float32), mesh.faces)


def save(mesh: pv.PolyData, path: Path) -> None:
    """Keep a mesh of up to 65,536 points within 327 mm of the origin: whole hundredths of a mm, 16 bits a number."""
    points = np.rint(mesh.points / _UNIT)
    if mesh.n_points > 2**16 or np.abs(points).max() > np.iinfo(np.int16).max:
        raise ValueError(
            f"{mesh.n_points} points as far as {np.abs(mesh.points).max():.0f} mm do not fit into 16 bits: "
            "ask surface() for fewer triangles, and centre the CT"
        )
    np.savez_compressed(path, points=points.astype(np.int16), triangles=mesh.regular_faces.astype(np.uint16))


def example() -> pv.PolyData:
    """The bones of :func:`diffpose_nb.ct.example`, which ship with the package: 25 thousand triangles."""
    with np.load(EXAMPLE_BONES) as stored:
        points, triangles = stored["points"] * np.float32(_UNIT), stored["triangles"].astype(np.int64)
    return pv.PolyData.from_regular_faces(points.astype(np.float32), triangles)
