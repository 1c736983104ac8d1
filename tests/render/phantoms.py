"""Volumes whose shadows are known without rendering them."""

import numpy as np
import torch
import torchio
from scipy import ndimage

from diffpose_nb.frames import transform_points

OBLIQUE = np.array([[2.0, 0.1, 0, -39], [0, -2.5, 0.2, 43], [0, 0, 3, -44], [0, 0, 0, 1]])
"""Anisotropic, sheared and mirrored voxels."""


def subject_of(values, affine, mask=None):
    image = torchio.ScalarImage(tensor=torch.as_tensor(values, dtype=torch.float32)[None], affine=affine)
    labels = None if mask is None else torchio.LabelMap(tensor=torch.as_tensor(mask)[None], affine=affine)
    return torchio.Subject(
        volume=image, density=image, mask=labels, orientation=None, reorient=torch.eye(4), fiducials=None
    )


def centred(spacing, shape):
    """The affine of a grid with its centre at the origin."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [-mm * (n - 1) / 2 for mm, n in zip(spacing, shape, strict=True)]
    return affine


def ball(spacing, radius=40.0, centre=(6.0, -4.0, 8.0), half_width=60.0):
    """A ball of density 1 on a grid around the origin, each voxel filled as far as the ball fills it."""
    n = int(2 * half_width / spacing)
    affine = centred([spacing] * 3, [n] * 3)
    axes = torch.arange(n) * spacing + affine[0, 3]
    grid = torch.stack(torch.meshgrid(axes, axes, axes, indexing="ij"), -1)
    distance = (grid - torch.tensor(centre)).norm(dim=-1)
    return subject_of(((radius - distance) / spacing + 0.5).clamp(0, 1), affine)


def chord(camera, pose, radius=40.0, centre=(6.0, -4.0, 8.0)):
    """(rows, columns) the length of each ray in the ball."""
    source = pose[:3, 3]
    ray = torch.nn.functional.normalize(transform_points(pose, camera.detector_points()) - source, dim=1)
    to_centre = torch.tensor(centre, dtype=torch.float64) - source
    along = ray @ to_centre
    off_axis = to_centre.square().sum() - along.square()
    return 2 * (radius**2 - off_axis).clamp(min=0).sqrt().reshape(camera.shape)


def smooth():
    """A subject whose density is smooth, zero on its border, and different along every axis."""
    grid = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, n) for n in (40, 36, 30)], indexing="ij"))
    return subject_of((1 - grid.square().sum(0)).clamp(min=0) ** 3 * torch.exp(grid[0] + 0.5 * grid[1]), OBLIQUE)


def exact_integral(values, affine, source, target):
    """The integral of the interpolated volume along one ray: Gauss's rule, exact for the cubic within each cell.

    Source and target (3,) in mm. Nothing of it is shared with the renderer.
    """
    padded = np.pad(np.asarray(values, float), 1)
    s, q = ((np.linalg.inv(affine) @ [*end, 1])[:3] + 1 for end in (source, target))
    planes = [(np.arange(n) - s[axis]) / (q - s)[axis] for axis, n in enumerate(padded.shape) if abs((q - s)[axis]) > 0]
    ends = np.unique(np.clip(np.concatenate([*planes, [0.0, 1.0]]), 0, 1))
    half, middle = np.diff(ends) / 2, (ends[1:] + ends[:-1]) / 2
    total = 0.0
    for node in (-1 / np.sqrt(3), 1 / np.sqrt(3)):
        points = s[:, None] + (middle + node * half) * (q - s)[:, None]
        total += (half * ndimage.map_coordinates(padded, points, order=1, mode="constant")).sum()
    return total * np.linalg.norm(np.asarray(target) - np.asarray(source))
