"""The distribution of poses from which a network's training pictures are taken."""

from __future__ import annotations

from dataclasses import dataclass

import roma
import torch
from torch import Tensor

from ..camera import as_float64, carm_angles, carm_pose, invert, make_transform

NAMES = ("primary", "secondary", "roll", "x", "y", "depth")
"""The six parameters that :meth:`PoseRange.pose` takes and :meth:`PoseRange.parameters` returns. The first three are in
degrees, the others in mm."""


@dataclass(frozen=True)
class PoseRange:
    """Poses around a nominal view, as they may occur in a clinic.

    Six parameters are drawn uniformly and independently: the two angles of the view, within ``primary`` and
    ``secondary`` degrees of the nominal ones; a rotation of the image, within ``roll`` degrees; the patient's shift
    from the isocentre, within ``shift`` mm along both axes of the detector; and the distance from the source, within
    ``depth`` mm of the nominal SOD. A network learns nothing about poses outside these ranges.

    Parameters
    ----------
    primary, secondary, roll
        Half of each range, degrees.
    shift, depth
        Half of each range, mm.
    view
        (primary, secondary) of the nominal view, degrees; (0, 0) is frontal.
    sod
        Distance from the source to the isocentre, mm.
    """

    primary: float = 30.0
    secondary: float = 20.0
    roll: float = 10.0
    shift: float = 50.0
    depth: float = 80.0
    view: tuple[float, float] = (0.0, 0.0)
    sod: float = 700.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "view", tuple(float(angle) for angle in self.view))
        for name in ("primary", "secondary", "roll", "shift", "depth"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} is {value}: half a range is a number of degrees or mm, 0 or more")
        if abs(self.view[1]) + self.secondary >= 90 or self.primary > 180 or self.roll > 180:
            raise ValueError(
                f"view {self.view} ± ({self.primary}, {self.secondary}), roll ± {self.roll}: a secondary angle stays "
                "within 90°, the others within 180°"
            )
        if not self.depth < self.sod < float("inf"):
            raise ValueError(f"sod is {self.sod} and depth {self.depth}: the patient stays in front of the source")

    @property
    def nominal(self) -> Tensor:
        """``world_from_camera`` (4, 4) in the middle of the range."""
        return carm_pose(*self.view, self.sod)

    @property
    def half(self) -> Tensor:
        """(6,) half of the range of each of :data:`NAMES`."""
        return as_float64([self.primary, self.secondary, self.roll, self.shift, self.shift, self.depth])

    def pose(self, parameters: Tensor) -> Tensor:
        """``world_from_camera`` (..., 4, 4) at offsets (..., 6) from the nominal pose, in the order of :data:`NAMES`.

        The C-arm turns about the isocentre, then the image rolls about the optical axis, then the camera moves: x and y
        in mm along its own axes, and ``depth`` mm away from the patient.
        """
        primary, secondary, roll, x, y, depth = as_float64(parameters).unbind(-1)
        carm = carm_pose(self.view[0] + primary, self.view[1] + secondary, self.sod)
        axis = torch.stack([torch.zeros_like(roll), torch.zeros_like(roll), torch.deg2rad(roll)], -1)
        shift = torch.stack([x, y, -depth], -1)
        rotation = carm[..., :3, :3] @ roma.rotvec_to_rotmat(axis)
        return make_transform(rotation, carm[..., :3, 3] + (rotation @ shift[..., None]).squeeze(-1))

    def parameters(self, world_from_camera: Tensor) -> Tensor:
        """The offsets (..., 6) of poses from the nominal pose; the inverse of :meth:`pose`."""
        pose = as_float64(world_from_camera)
        primary, secondary, roll = carm_angles(pose)
        x, y, z = (-invert(pose)[..., :3, 3]).unbind(-1)
        angles = [primary - self.view[0], secondary - self.view[1], roll]
        return torch.stack([*((angle + 180) % 360 - 180 for angle in angles), x, y, -z - self.sod], -1)

    def sample(self, number: int, seed: int | torch.Generator = 0) -> Tensor:
        """Draw poses (number, 4, 4) uniformly from the range."""
        generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
        uniform = 2 * torch.rand(number, 6, generator=generator, dtype=torch.float64) - 1
        return self.pose(uniform * self.half)
