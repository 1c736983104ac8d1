"""Registration without derivatives: an evolution strategy on gradient NCC, as in programs for 2D/3D registration."""

from __future__ import annotations

import numpy as np
import torch
import torchio
from torch import Tensor

from ...camera import as_float64, moved
from ...images import XRay
from ...render import Renderer
from ...similarity import gradient_ncc
from ...similarity.landscapes import setting

POPULATION = 20
"""Poses that are tried in each generation."""
WIDE = 0.4
"""The first spread, as a share of half the range."""


def evolve(
    subject: torchio.Subject,
    xray: XRay,
    start: Tensor,
    half: Tensor,
    *,
    evaluations: int = 800,
    pixels: int = 64,
    voxel: float = 3.0,
    centre: Tensor | None = None,
    seed: int = 0,
) -> Tensor:
    """The pose (4, 4) that the covariance matrix adaptation evolution strategy (CMA-ES) finds best.

    Each generation of poses is drawn from a normal distribution around the best of the last, whose width and direction
    follow what has been found.

    Parameters
    ----------
    start, half
        (4, 4) where to begin, and (6,) half of the range to search, degrees and mm in camera axes about ``centre``.
    evaluations
        How many poses are rendered and compared.
    pixels, voxel
        As for :func:`diffpose_nb.similarity.landscapes.setting`.
    centre
        (3,) the point about which to turn, world mm. Default the centre of the CT.
    seed
        Seed of the draws.

    Raises
    ------
    ImportError
        pycma is missing; it comes with the extra "reference".

    Source: Hansen, The CMA evolution strategy: a tutorial, 2016; the program is pycma.
    """
    try:
        import cma
    except ImportError as error:
        raise ImportError("the evolution strategy is pycma's: pip install 'diffpose-nb[reference]'") from error
    coarse = setting(subject, xray, start, pixels, voxel)
    middle = torch.zeros(3, dtype=torch.float64) if centre is None else as_float64(centre)
    renderer: Renderer = coarse.renderer
    options = {"seed": seed + 1, "maxfevals": evaluations, "popsize": POPULATION, "verbose": -9}
    strategy = cma.CMAEvolutionStrategy([0.0] * 6, WIDE, options)
    while not strategy.stop():
        tried = strategy.ask()
        poses = moved(start, as_float64(np.array(tried)) * half, middle)
        with torch.no_grad():
            values = 1 - gradient_ncc(renderer(poses)[:, 0], coarse.target, valid=coarse.valid)
        strategy.tell(tried, values.tolist())
    return moved(start, as_float64(strategy.result.xfavorite) * half, middle)
