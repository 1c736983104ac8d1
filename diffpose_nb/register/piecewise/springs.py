"""What holds bones that are registered piece by piece: springs to their neighbours, and to the pose of the whole."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...camera import camera_axes, invert, make_transform
from ..prior import Expectation, Prior


@dataclass(frozen=True)
class Stiffness:
    """How far neighbouring pieces move against each other: standard deviations.

    Parameters
    ----------
    rotation
        Degrees. Between two vertebrae of a trunk that is bent by 6° in 100 mm there are 1.5°.
    translation
        mm, at the point halfway between them.
    """

    rotation: float = 3.0
    translation: float = 1.5

    def __post_init__(self) -> None:
        for name in ("rotation", "translation"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}: a standard deviation is a positive number")


class Springs:
    """The springs between pieces.

    Parameters
    ----------
    centres
        (K, 3) world mm. The nearest pieces are tied to each other, as far as it takes to tie them all (the minimum
        spanning tree).
    start
        (4, 4) the pose of the whole.
    stiffness, prior
        How far neighbours move against each other, and each from the pose of the whole.
    """

    def __init__(self, centres: Tensor, start: Tensor, stiffness: Stiffness, prior: Prior) -> None:
        from scipy.sparse.csgraph import minimum_spanning_tree
        from scipy.spatial.distance import cdist

        self.centres = centres
        tree = minimum_spanning_tree(cdist(centres, centres)).tocoo()
        self.pairs = list(zip(tree.row.tolist(), tree.col.tolist(), strict=True))
        at_rest = torch.eye(4, dtype=torch.float64)
        self._held = [Expectation(prior, at_rest, camera_axes(start, centre)) for centre in centres]
        tie = Prior(stiffness.rotation, stiffness.translation)
        halfway = [(centres[first] + centres[second]) / 2 for first, second in self.pairs]
        self._tied = [Expectation(tie, at_rest, make_transform(torch.eye(3), place)) for place in halfway]

    def equations(self, motions: Tensor, patches: float) -> tuple[float, Tensor, Tensor]:
        """Cost, gradient (6K,) and matrix (6K, 6K) at motions (K, 4, 4); ``patches`` is that of a prior's equations."""
        count = len(motions)
        cost, gradient = 0.0, torch.zeros(count, 6, dtype=torch.float64)
        hessian = torch.zeros(count, 6, count, 6, dtype=torch.float64)
        for k, held in enumerate(self._held):
            found = held.equations(motions[k], patches)
            cost += found.cost.item()
            gradient[k] += found.gradient
            hessian[k, :, k] += found.hessian
        for (first, second), tied in zip(self.pairs, self._tied, strict=True):
            # neighbours move against each other by the one motion after the inverse of the other's
            found = tied.equations(motions[first] @ invert(motions[second]), patches)
            cost += found.cost.item()
            for k, sign in ((first, 1), (second, -1)):
                gradient[k] += sign * found.gradient
                hessian[k, :, k] += found.hessian
            hessian[first, :, second] -= found.hessian
            hessian[second, :, first] -= found.hessian
        return cost, gradient.flatten(), hessian.reshape(6 * count, 6 * count)
