"""The distribution of poses from which a network's training pictures are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..camera import as_float64, carm_angles, carm_pose, invert, make_transform
from ..camera.rotations import roma

NAMES = ("primary", "secondary", "roll", "x", "y", "depth")
"""The six parameters that :meth:`PoseRange.pose` takes and :meth:`PoseRange.parameters` returns. The first three are in
degrees, the others in mm."""
Point = tuple[float, float, float]


@dataclass(frozen=True)
class PoseRange:
    """Poses around a nominal view, as they may occur in a clinic.

    Six parameters are drawn uniformly and independently: the two angles of the view, within ``primary`` and
    ``secondary`` degrees of the nominal ones; a rotation of the image, within ``roll`` degrees; the patient's shift
    from the isocentre, within ``shift`` mm along both axes of the detector; and the distance from the source, within
    ``depth`` mm of the nominal SOD. A network learns nothing about poses outside these ranges.

    The isocentre is where the C-arm is aimed at. By default it is the world's origin, which is the centre of the CT as
    it was loaded. An X-ray that shows a small part of a long CT has its isocentre in that part:
    ``isocenter=label_centres(subject, "vertebrae_L3")``. If it is known only that some of several vertebrae are shown,
    give the centres of all of them in their order, ``label_centres(subject, ["vertebrae_L5", …, "vertebrae_L1"])``.
    Each isocentre is then drawn from the line that leads through these points, so it follows the curved spine.

    Parameters
    ----------
    primary, secondary, roll
        Half of each range, degrees.
    shift, depth
        Half of each range, mm. ``shift`` is one number, or (x, y): across and along the columns of the image. In a
        frontal view without roll, x is across the patient and y is along the patient's axis.
    view
        (primary, secondary) of the nominal view, degrees; (0, 0) is frontal.
    sod
        Distance from the source to the isocentre, mm.
    isocenter
        (x, y, z) in world coordinates, mm; or several such points, through which a line is drawn. Every isocentre on
        the line is equally likely. See :func:`diffpose_nb.train.label_centres`.

    Raises
    ------
    ValueError
        A range makes no sense, and the message names it.
    """

    primary: float = 30.0
    secondary: float = 20.0
    roll: float = 10.0
    shift: float | tuple[float, float] = 50.0
    depth: float = 80.0
    view: tuple[float, float] = (0.0, 0.0)
    sod: float = 700.0
    isocenter: Point | Sequence[Point] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "view", tuple(float(angle) for angle in self.view))
        if isinstance(self.shift, Sequence):
            object.__setattr__(self, "shift", tuple(float(mm) for mm in self.shift))
            if len(self.shift) != 2:
                raise ValueError(f"shift is {self.shift}: it is one number of mm, or two, along x and y")
        for name in ("primary", "secondary", "roll", "shift", "depth"):
            value = getattr(self, name)
            if not all(0 <= half < float("inf") for half in (value if isinstance(value, tuple) else (value,))):
                raise ValueError(f"{name} is {value}: half a range is a number of degrees or mm, 0 or more")
        if abs(self.view[1]) + self.secondary >= 90 or self.primary > 180 or self.roll > 180:
            raise ValueError(
                f"view {self.view} ± ({self.primary}, {self.secondary}), roll ± {self.roll}: a secondary angle stays "
                "within 90°, the others within 180°"
            )
        if not self.depth < self.sod < float("inf"):
            raise ValueError(f"sod is {self.sod} and depth {self.depth}: the patient stays in front of the source")
        points = as_float64(self.isocenter)
        if points.ndim not in (1, 2) or points.shape[-1] != 3 or not points.numel() or not points.isfinite().all():
            raise ValueError(
                f"isocenter is {self.isocenter}: it is one point (x, y, z) in mm, or a list of such points"
            )
        plain = [tuple(point) for point in points.reshape(-1, 3).tolist()]
        object.__setattr__(self, "isocenter", plain[0] if len(plain) == 1 else tuple(plain))

    @property
    def centre(self) -> Tensor:
        """(3,) the isocentre of the nominal pose, world mm: the middle of the line if there are several isocentres."""
        return self._on_line(as_float64([0.5]))[0]

    @property
    def nominal(self) -> Tensor:
        """``world_from_camera`` (4, 4) in the middle of the range."""
        return carm_pose(*self.view, self.sod, self.centre)

    @property
    def half(self) -> Tensor:
        """(6,) half of the range of each of :data:`NAMES`, counted from the nominal pose.

        Where there are several isocentres, the last three include how far the line reaches from its middle, along the
        axes of the nominal camera.
        """
        reach = ((self._corners() - self.centre) @ self.nominal[:3, :3]).abs().amax(0)
        return self._around() + torch.cat([torch.zeros(3, dtype=torch.float64), reach])

    def pose(self, parameters: Tensor, isocenter: Tensor | None = None) -> Tensor:
        """``world_from_camera`` (..., 4, 4) at offsets (..., 6) from the nominal pose, in the order of :data:`NAMES`.

        The C-arm turns about the isocentre, then the image rolls about the optical axis, then the camera moves: x and y
        in mm along its own axes, and ``depth`` mm away from the patient.

        Parameters
        ----------
        parameters
            (..., 6) offsets, in degrees and mm.
        isocenter
            (..., 3) the isocentre, world mm. Default :attr:`centre`.
        """
        primary, secondary, roll, x, y, depth = as_float64(parameters).unbind(-1)
        centre = self.centre if isocenter is None else as_float64(isocenter)
        carm = carm_pose(self.view[0] + primary, self.view[1] + secondary, self.sod, centre)
        axis = torch.stack([torch.zeros_like(roll), torch.zeros_like(roll), torch.deg2rad(roll)], -1)
        shift = torch.stack([x, y, -depth], -1)
        rotation = carm[..., :3, :3] @ roma.rotvec_to_rotmat(axis)
        return make_transform(rotation, carm[..., :3, 3] + (rotation @ shift[..., None]).squeeze(-1))

    def parameters(self, world_from_camera: Tensor, isocenter: Tensor | None = None) -> Tensor:
        """The offsets (..., 6) of poses from the nominal pose; the inverse of :meth:`pose` with the same isocentre."""
        pose = as_float64(world_from_camera)
        centre = self.centre if isocenter is None else as_float64(isocenter)
        primary, secondary, roll = carm_angles(pose)
        seen = invert(pose)[..., :3, 3] + (centre[..., None, :] @ pose[..., :3, :3]).squeeze(-2)
        x, y, z = (-seen).unbind(-1)
        angles = [primary - self.view[0], secondary - self.view[1], roll]
        return torch.stack([*((angle + 180) % 360 - 180 for angle in angles), x, y, -z - self.sod], -1)

    def sample(self, number: int, seed: int | torch.Generator = 0) -> Tensor:
        """Draw poses (number, 4, 4) uniformly from the range."""
        generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
        offsets = self.sample_offsets(number, generator)
        return self.pose(offsets, self.sample_isocenters(number, generator))

    def sample_offsets(self, number: int, generator: torch.Generator) -> Tensor:
        """Draw offsets (number, 6) from a pose that is aimed at its isocentre, in the order of :data:`NAMES`."""
        uniform = 2 * torch.rand(number, 6, generator=generator, dtype=torch.float64) - 1
        return uniform * self._around()

    def sample_isocenters(self, number: int, generator: torch.Generator) -> Tensor:
        """Draw isocentres (number, 3), world mm, uniformly from the line. If there is only one, nothing is drawn."""
        if len(self._corners()) == 1:
            return self.centre.expand(number, 3)
        return self._on_line(torch.rand(number, generator=generator, dtype=torch.float64))

    def isocenter_of(self, world_from_camera: Tensor) -> Tensor:
        """The isocentres (..., 3) that poses (..., 4, 4) most likely have: those nearest to their optical axes.

        An error of a pose is measured there, because there is the part of the patient that the X-ray shows.
        """
        pose, corners = as_float64(world_from_camera), self._corners()
        if len(corners) == 1:
            return corners[0].expand(*pose.shape[:-2], 3)
        beside = (corners - pose[..., None, :3, 3]) @ pose[..., :3, :2]  # (..., N, 2) from the optical axis, mm
        start, along = beside[..., :-1, :], beside.diff(dim=-2)
        share = -(start * along).sum(-1) / along.square().sum(-1).clamp(min=1e-12)
        share = share.clamp(0, 1)
        distance = (start + share[..., None] * along).norm(dim=-1)
        nearest = distance.argmin(-1, keepdim=True)
        share = share.gather(-1, nearest)
        return corners[nearest[..., 0]] + share * corners.diff(dim=0)[nearest[..., 0]]

    def _around(self) -> Tensor:
        """(6,) half of each range, counted from a pose that is aimed at its isocentre."""
        x, y = self.shift if isinstance(self.shift, tuple) else (self.shift, self.shift)
        return as_float64([self.primary, self.secondary, self.roll, x, y, self.depth])

    def _corners(self) -> Tensor:
        """(N, 3) the points of the line of isocentres."""
        return as_float64(self.isocenter).reshape(-1, 3)

    def _on_line(self, shares: Tensor) -> Tensor:
        """Points (B, 3) of the line of isocentres, at shares (B,) of its length."""
        corners = self._corners()
        if len(corners) == 1:
            return corners.expand(len(shares), 3)
        lengths = corners.diff(dim=0).norm(dim=-1)
        ends = lengths.cumsum(0)
        at = shares * ends[-1]
        segment = torch.searchsorted(ends, at).clamp(max=len(lengths) - 1)
        share = 1 - (ends[segment] - at) / lengths[segment].clamp(min=1e-12)
        return corners[segment] + share[:, None] * corners.diff(dim=0)[segment]
