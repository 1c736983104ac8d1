"""A patient who lies differently from the day of the CT: the trunk bent and twisted about the spine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ..camera import as_float64, invert, make_transform, transform_points
from ..camera.rotations import roma
from ..ct import CTError, linear_attenuation, structure_points
from .resampling import at_rest, resampled

if TYPE_CHECKING:
    import torchio

Plane = Literal["lateral", "flexion"]
_AIR = -1000.0  # HU


@dataclass(frozen=True)
class Bend:
    r"""The motion of a trunk that is bent like a beam: from a point at rest to where it is after the bend, in world mm.

    The beam's axis is the line through ``about`` along the world's z axis, to the head. It becomes an arc of constant
    curvature :math:`\kappa`. The slices across it stay plane, keep their shape and turn with it, so that a short piece
    such as a vertebra moves almost rigidly. With :math:`z` the height above ``about``, :math:`\theta = \kappa z`,
    :math:`e` the unit vector to the side of the bend and :math:`n` the unit vector across it,

    .. math:: p = x\,e + y\,n + z\,e_z \quad\mapsto\quad
              \tfrac{1-\cos\theta}{\kappa}\,e + \tfrac{\sin\theta}{\kappa}\,e_z
              + x'\,(\cos\theta\,e - \sin\theta\,e_z) + y'\,n,

    where :math:`(x', y')` is :math:`(x, y)` after the turn of its slice by the torsion, :math:`\tau z`. The point
    ``about`` does not move, and neither does the direction of the axis there.

    Parameters
    ----------
    degrees_per_100mm
        Curvature: by how much the slices turn against each other over 100 mm along the body. Positive: the head goes to
        the patient's right ("lateral") or to the front ("flexion").
    plane
        "lateral": the axis stays in the frontal plane. "flexion": it stays in the sagittal plane.
    about
        (3,) world mm.
    torsion
        Degrees over 100 mm by which slices turn about the axis. Positive: seen from the head, the upper part turns
        counter-clockwise, to the patient's left.
    """

    degrees_per_100mm: float
    plane: Plane = "lateral"
    about: Sequence[float] = (0.0, 0.0, 0.0)
    torsion: float = 0.0

    def __post_init__(self) -> None:
        if self.plane not in get_args(Plane):
            raise ValueError(f"plane is {self.plane!r}: it can be {' or '.join(get_args(Plane))}")
        for name in ("degrees_per_100mm", "torsion"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)}: it must be a number of degrees over 100 mm")
        point = np.asarray(self.about, float)
        if point.shape != (3,) or not np.isfinite(point).all():
            raise ValueError(f"about is {point.tolist()}: a point is three finite numbers, in mm")
        object.__setattr__(self, "about", tuple(point.tolist()))

    def bent_from_rest(self, points: Tensor) -> Tensor:
        """Where points (..., 3) of the CT at rest are after the bend, (..., 3) float64, world mm."""
        x, y, z = transform_points(self._beam_from_world, as_float64(points).view(-1, 3)).unbind(-1)
        theta = self._curvature * z
        sine, cosine = (self._twist * z).sin(), (self._twist * z).cos()
        x, y = cosine * x - sine * y, sine * x + cosine * y
        # (1 - cos θ)/κ and sin θ/κ, in forms that have a value at κ = 0
        sag, height = z * (theta / 2) * torch.sinc(theta / (2 * torch.pi)) ** 2, z * torch.sinc(theta / torch.pi)
        moved = torch.stack([sag + x * theta.cos(), y, height - x * theta.sin()], -1)
        return transform_points(invert(self._beam_from_world), moved).view_as(as_float64(points))

    def rest_from_bent(self, points: Tensor) -> Tensor:
        """Where points (..., 3) of the bent CT were at rest, (..., 3) float64, world mm: the inverse."""
        places = transform_points(self._beam_from_world, as_float64(points).view(-1, 3)).numpy()
        found = torch.from_numpy(at_rest(places, self._curvature, self._twist))
        return transform_points(invert(self._beam_from_world), found).view_as(as_float64(points))

    def rigid_fit(self, subject: torchio.Subject, structure: str | int) -> tuple[Tensor, float]:
        """The rigid motion that comes closest to what the bend does to a structure.

        A registration of the unbent CT finds for this structure the pose
        ``invert(bent_from_rest) @ true_world_from_camera``.

        Parameters
        ----------
        subject
            The CT at rest, with a label map.
        structure
            Name from ``subject["structures"]``, or the number of a label.

        Returns
        -------
        (Tensor, float)
            ``bent_from_rest`` (4, 4), the least squares fit over the structure's voxels, and the root mean square of
            what is left, in mm.

        Raises
        ------
        CTError
            There is no label map, or the structure is unknown or has fewer than four voxels.
        """
        points = _voxels_of(subject, structure)
        target = self.bent_from_rest(points)
        rotation, translation = roma.rigid_points_registration(points, target)
        motion = make_transform(rotation, translation)
        left = transform_points(motion, points) - target
        return motion, left.square().sum(-1).mean().sqrt().item()

    @property
    def _curvature(self) -> float:
        return math.radians(self.degrees_per_100mm) / 100

    @property
    def _twist(self) -> float:
        return math.radians(self.torsion) / 100

    @property
    def _beam_from_world(self) -> Tensor:
        """(4, 4) to the beam's coordinates: towards the side of the bend, across, and along, from ``about``."""
        flexion = [[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
        turn = as_float64(flexion) if self.plane == "flexion" else torch.eye(3, dtype=torch.float64)
        return make_transform(turn, -(turn @ as_float64(self.about)))


def bend(
    subject: torchio.Subject,
    degrees_per_100mm: float,
    *,
    plane: Plane = "lateral",
    about: Sequence[float] = (0.0, 0.0, 0.0),
    torsion: float = 0.0,
    spacing: float | None = 1.25,
) -> tuple[torchio.Subject, Bend]:
    """A CT of the same patient, bent: what an X-ray is simulated from when the registration is given the unbent CT.

    The trunk is bent as a beam, see :class:`Bend`, and the CT is resampled, linearly between voxels; labels are those
    of the nearest voxel. As the curvature is the same everywhere, discs and vertebrae bend alike; over a vertebra's
    height this is little, and :meth:`Bend.rigid_fit` says how little. A table that the CT shows is bent as well.

    Parameters
    ----------
    subject
        CT from :mod:`diffpose_nb.ct`. It is not changed.
    degrees_per_100mm, plane, about, torsion
        The bend, see :class:`Bend`. 0 and 0: the CT is only resampled.
    spacing
        Edge of the new voxels, mm. None: the voxels of the CT, whose edges may differ. With 0 degrees the new voxels
        are then the old ones.

    Returns
    -------
    (torchio.Subject, Bend)
        The bent CT, whose grid is as large as it needs to be, in the world of the unbent CT; and the motion of its
        points. A sentence about the bend is added to the notes.

    Raises
    ------
    ValueError
        The spacing is not positive, or the bend is so strong that slices would cross within the CT.
    """
    motion = Bend(degrees_per_100mm, plane, about, torsion)
    if spacing is not None and not 0 < spacing < math.inf:
        raise ValueError(f"spacing is {spacing}: it must be positive, in mm, or None for the voxels of the CT")
    volume = subject["volume"]
    _require_no_crossing(volume, motion)
    affine, shape = _grid_around(volume, motion, spacing)
    values, labels = _resampled(volume, subject.get("mask"), motion, affine, shape)
    others = {name: value for name, value in subject.items() if name not in ("volume", "density", "mask")}
    note = f"The CT was bent: {plane} {degrees_per_100mm:g}° and torsion {torsion:g}° over 100 mm."
    import torchio

    bent = torchio.Subject(
        volume=torchio.ScalarImage(tensor=values, affine=affine),
        density=torchio.ScalarImage(tensor=linear_attenuation(values), affine=affine),
        mask=None if labels is None else torchio.LabelMap(tensor=labels, affine=affine),
        **{**others, "notes": [*(subject.get("notes") or []), note]},
    )
    return bent, motion


def _resampled(
    volume: torchio.ScalarImage,
    mask: torchio.LabelMap | None,
    motion: Bend,
    affine: np.ndarray,
    shape: tuple[int, int, int],
) -> tuple[Tensor, Tensor | None]:
    """Hounsfield units (1, I, J, K) and labels on the new grid."""
    beam_from_world = motion._beam_from_world.numpy()
    values, labels = resampled(
        np.ascontiguousarray(volume.data[0].numpy(), np.float32),
        np.zeros((0, 0, 0), np.uint8) if mask is None else np.ascontiguousarray(mask.data[0].numpy()),
        beam_from_world @ affine,
        np.linalg.inv(beam_from_world @ volume.affine),
        motion._curvature,
        motion._twist,
        shape,
        _AIR,
    )
    return torch.from_numpy(values)[None], None if mask is None else torch.from_numpy(labels)[None]


def _grid_around(
    volume: torchio.ScalarImage, motion: Bend, spacing: float | None
) -> tuple[np.ndarray, tuple[int, int, int]]:
    """The affine and the shape of a grid along the axes of the volume that holds all of it after the motion."""
    size = np.array(volume.spatial_shape)
    edges = [np.linspace(-0.5, n - 0.5, 24) for n in size]
    faces = [
        np.stack(np.meshgrid(*(side if k == axis else edges[k] for k in range(3)), indexing="ij"), -1).reshape(-1, 3)
        for axis in range(3)
        for side in (edges[axis][[0, -1]],)
    ]
    world = transform_points(as_float64(volume.affine), as_float64(np.concatenate(faces)))
    reach = transform_points(as_float64(np.linalg.inv(volume.affine)), motion.bent_from_rest(world)).numpy()
    low, high = reach.min(0), reach.max(0)  # in voxels of the volume
    still = motion.degrees_per_100mm == 0 and motion.torsion == 0
    step = np.ones(3) if spacing is None else spacing / np.array(volume.spacing)
    slack = 1e-6 if still else 1.0  # the faces' hull is known at some of its points only
    shape = np.maximum(np.ceil((high - low) / step - 1e-6 + (0 if still else slack)), 1).astype(int)
    first = (low + high) / 2 - (shape - 1) / 2 * step  # the middle of the grid is that of what it holds
    if still and spacing is None:
        first = np.zeros(3)
    affine = volume.affine.copy()
    affine[:3, 3] = volume.affine[:3, :3] @ first + volume.affine[:3, 3]
    affine[:3, :3] = volume.affine[:3, :3] * step
    return affine, tuple(shape.tolist())


def _require_no_crossing(volume: torchio.ScalarImage, motion: Bend) -> None:
    """Raise an error if slices would cross within the volume: beyond the centre of the curvature there is no place."""
    corners = np.array(np.meshgrid(*((-0.5, n - 0.5) for n in volume.spatial_shape))).reshape(3, -1).T
    world = transform_points(as_float64(volume.affine), as_float64(corners)) - as_float64(motion.about)
    curvature = math.radians(motion.degrees_per_100mm) / 100
    inward = world[:, int(motion.plane == "flexion")] * math.copysign(1.0, curvature)  # to the side of the bend
    reach = (world[:, :2].norm(dim=1) if motion.torsion else inward).max().item()
    if abs(curvature) * reach >= 1 or abs(curvature) * world[:, 2].abs().max() >= math.pi:
        raise ValueError(
            f"{motion.degrees_per_100mm:g}° over 100 mm bend the CT about a point {1 / abs(curvature):.0f} mm beside "
            f"its axis, and it reaches {reach:.0f} mm there: bend less, or choose about= nearer to its middle"
        )


def _voxels_of(subject: torchio.Subject, structure: str | int) -> Tensor:
    """(N, 3) the centres of a structure's voxels, world mm; enough of them to fit a motion."""
    points = structure_points(subject, structure)
    if len(points) < 4:
        raise CTError(f"the label map has {len(points)} voxels of {structure!r}: a rigid motion needs four")
    return points
