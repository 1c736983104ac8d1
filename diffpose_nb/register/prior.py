"""What is known of a pose before the X-ray is looked at: the start, and how far it may be off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..camera import adjoint, invert
from ..camera.rotations import roma
from ..similarity import NormalEquations

COST = 0.3
"""1 - NCC that independent patches have when the pose is right: some 0.05 on a whole chest, 0.5 on a bone among others.
It turns the mean over patches into a likelihood."""


@dataclass(frozen=True)
class Prior:
    """How far the start of a refinement may be off: standard deviations, in the first camera's axes.

    The data outweigh it wherever they say anything. It matters where they do not: one view of a small part hardly tells
    its distance from the source, and without a prior the part runs away along the beam.

    Parameters
    ----------
    rotation
        Degrees, about x, y and the beam; one number stands for all three. The part turns about its own centre.
    translation
        mm, along x, y and the beam.

    Raises
    ------
    ValueError
        If a standard deviation is not positive.
    """

    rotation: float | Sequence[float] = 30.0
    translation: float | Sequence[float] = 100.0

    def __post_init__(self) -> None:
        for name in ("rotation", "translation"):
            value = getattr(self, name)
            three = (float(value),) * 3 if isinstance(value, int | float) else tuple(float(number) for number in value)
            if len(three) != 3 or not all(0 < number < float("inf") for number in three):
                raise ValueError(f"{name} is {value}: a standard deviation is a positive number, or three of them")
            object.__setattr__(self, name, three)

    @property
    def deviations(self) -> Tensor:
        """(6,) radians, then mm."""
        return torch.cat([torch.deg2rad(torch.tensor(self.rotation)), torch.tensor(self.translation)]).double()

    def widened(self, factor: float) -> Prior:
        """The prior with standard deviations that are so many times as large."""
        return Prior([factor * each for each in self.rotation], [factor * each for each in self.translation])


@dataclass(frozen=True)
class Expectation:
    """A prior made ready for a search: it pulls the patient back to the start.

    Parameters
    ----------
    prior
        How far the start may be off.
    start
        (4, 4) the pose at which the first view starts.
    axes
        (4, 4) ``world_from_axes``: the first camera's axes about the centre of the part.
    """

    prior: Prior
    start: Tensor
    axes: Tensor

    def information(self, patches: float) -> Tensor:
        """(6, 6) the inverse of the prior's covariance, in world axes, in units of the cost of so many patches."""
        return self._inverse_covariance * self.weight(patches)

    @cached_property
    def _basis(self) -> Tensor:
        """(6, 6) from twists in world axes to twists in ``axes``."""
        return adjoint(invert(self.axes))

    @cached_property
    def _inverse_covariance(self) -> Tensor:
        return self._basis.mT @ torch.diag(self.prior.deviations.pow(-2)) @ self._basis

    @cached_property
    def _around(self) -> tuple[Tensor, Tensor]:
        """What stands before and behind a pose in the motion from the start to it, in ``axes``."""
        return invert(self.axes), invert(self.start) @ self.axes

    @staticmethod
    def weight(patches: float) -> float:
        """The cost of one standard deviation, times two, where the image's cost is a mean over so many patches."""
        return COST / max(patches, 1.0)

    def equations(self, world_from_camera: Tensor, patches: float, unknowns: int = 6) -> NormalEquations:
        """The cost of being away from the start, with its derivatives.

        Parameters
        ----------
        patches
            The number of independent patches over which the image's cost is a mean.
        unknowns
            6, or 9 if the detector is estimated too; about that this prior says nothing.
        """
        before, behind = self._around
        motion = before @ world_from_camera @ behind
        offset = torch.cat([roma.rotmat_to_rotvec(motion[:3, :3]), motion[:3, 3]])
        force = self.weight(patches) * offset / self.prior.deviations.square()
        extra = unknowns - 6
        pad = torch.nn.functional.pad
        return NormalEquations(
            offset @ force / 2,
            pad(self._basis.mT @ force, (0, extra)),
            pad(self.information(patches), (0, extra, 0, extra)),
        )
