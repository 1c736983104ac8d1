"""Scattered photons, which lie over an X-ray like a veil: how strong it is, and the X-ray without it.

A DRR has no scatter. Where much of the beam gets through, as beside a head, and little elsewhere, the veil is stronger
than what shows the bones. It flattens what is dense, so that edges seem to lie further out and the patient seems
nearer to the source, by 1.5 mm on X-rays of a head. A veil is smooth, but not in the logarithm of the beam, so local
contrast does not remove it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import ndimage
from scipy.optimize import minimize
from torch import Tensor
from torch.nn.functional import interpolate

_SPREADS = (25.0, 35.0, 50.0)
_SHARES = (0.05, 0.1, 0.2, 0.35, 0.5)
"""mm at the detector, and the shares of :class:`Veil`, with which the search for a veil begins."""
_STEP, _MOST, _FEW = 0.3, 30, 10
"""The search goes on from the best of them: the first steps of its logarithms, and how many veils it tries at the most,
if the veil is strong, and if it is weak."""
STRONG = 0.1
"""A veil with a larger share misleads the pose at which it was estimated, so that it has to be estimated again."""
_LEAST = 0.08
"""At least this share of the signal is taken for primary."""
_ALIKE = 0.02
"""Two veils whose shares differ by less, and whose spreads by less than twice that share of them, are one."""
_ROUNDS = 6
"""So often the veil is computed from the primary signal, and that from the veil."""
_PER_SPREAD = 4
"""The veil is computed on a grid of so many points per standard deviation."""


@dataclass(frozen=True)
class Exposure:
    """An X-ray as it was taken, with what is computed of it once for all veils that are tried.

    Parameters
    ----------
    attenuation, valid
        (rows, columns) minus the logarithm of the signal, and the pixels inside the collimator.
    spacing
        Height and width of the pixels at the detector, mm.
    """

    attenuation: Tensor
    valid: Tensor
    spacing: tuple[float, float]

    @cached_property
    def signal(self) -> Tensor:
        """(rows, columns) float64, relative to the brightest pixel; 0 beside the valid pixels."""
        return torch.where(self.valid, (-self.attenuation.double()).exp(), 0.0)

    @cached_property
    def reciprocal(self) -> Tensor:
        """(rows, columns) the brightest pixel relative to the signal."""
        return self.attenuation.exp()


@dataclass(frozen=True)
class Veil:
    r"""The scattered signal, :math:`s\,G * (-P \log P)` with the primary signal P relative to the open beam.

    That is the simplest of the kernels of Sun and Star-Lack (Phys. Med. Biol. 55:6695, 2010): scatter arises where
    photons are lost, and reaches the detector after a Gaussian blur G.

    Parameters
    ----------
    share
        :math:`s`, the scattered photons that reach the detector, as a share of those that are lost. 0: no veil.
    spread
        Standard deviation of the blur, mm at the detector.
    """

    share: float = 0.0
    spread: float = _SPREADS[0]

    def differs(self, other: Veil) -> bool:
        """Whether two veils are so different that an X-ray without the one differs from that without the other."""
        strong = max(self.share, other.share) > STRONG
        apart = abs(np.log(self.spread / other.spread))
        return abs(self.share - other.share) > _ALIKE or (strong and apart > 2 * _ALIKE)

    def over(self, exposure: Exposure, offset: float) -> Tensor:
        """The veil over an X-ray, (rows, columns), relative to the X-ray's brightest pixel.

        ``offset`` is minus the logarithm of the brightest pixel relative to the open beam.
        """
        shape = exposure.signal.shape
        coarse = [
            max(1, min(n, round(_PER_SPREAD * n * mm / self.spread)))
            for n, mm in zip(shape, exposure.spacing, strict=True)
        ]
        beam = interpolate(exposure.signal[None, None], tuple(coarse), mode="area")[0, 0].numpy()
        down, across = (
            # the blur of a column or a row, as a matrix: faster than filtering, on so few points
            ndimage.gaussian_filter1d(np.eye(c), self.spread * c / (n * mm), axis=0, mode="constant")
            for c, n, mm in zip(coarse, shape, exposure.spacing, strict=True)
        )
        veil, primary = np.zeros_like(beam), beam
        for number in range(_ROUNDS):  # the veil is born of the primary signal, which is known once the veil is
            born = primary * (offset - np.log(np.clip(primary, 1e-9, 1.0)))
            found = self.share * (down @ born @ across.T)
            veil = found if number == 0 else (veil + found) / 2
            primary = np.maximum(beam - veil, _LEAST * beam)
        veil = torch.from_numpy(veil).to(exposure.attenuation.dtype)
        return interpolate(veil[None, None], tuple(shape), mode="bilinear")[0, 0]

    def taken_off(self, exposure: Exposure, offset: float) -> Tensor:
        """The attenuation (rows, columns) without the veil; arguments as for :meth:`over`."""
        if self.share == 0:
            return exposure.attenuation
        veil = self.over(exposure, offset) * exposure.reciprocal  # as a share of the signal
        return exposure.attenuation - torch.log1p(-veil.clamp(0, 1 - _LEAST))


def likeliest(score: Callable[[Veil], float], first: Veil = Veil()) -> Veil:
    """The veil with the highest score; ``first`` is what is known so far."""
    scores = {Veil(): score(Veil())}
    if first.share > 0:
        veil, highest = _climbed(score, first, _FEW)
        if max(first.share, veil.share) <= STRONG and not veil.differs(first) and highest > scores[Veil()]:
            return veil
        scores[veil] = highest
    for spread in _SPREADS:
        before = -np.inf
        for share in _SHARES:
            veil = Veil(share, spread)
            scores[veil] = score(veil)
            if scores[veil] < before:
                break
            before = scores[veil]
    best = max(scores, key=scores.__getitem__)
    if best.share == 0:
        return best
    veil, highest = _climbed(score, best, _MOST if best.share > STRONG else _FEW)
    return veil if highest > scores[best] else best


def _climbed(score: Callable[[Veil], float], start: Veil, most: int) -> tuple[Veil, float]:
    """The summit above a veil and its score, as far as so many trials lead."""
    corner = np.log([start.share, start.spread])
    found = minimize(
        lambda at: -score(Veil(*np.exp(at).tolist())),
        corner,
        method="Nelder-Mead",
        options={
            "initial_simplex": corner + _STEP * np.array([[0, 0], [1, 0], [0, 1]]),
            "maxfev": most,
            "xatol": 0.02,
            "fatol": 1e-5,
        },
    )
    return Veil(*np.exp(found.x).tolist()), -found.fun


def offset_of(image: Tensor, attenuation: Tensor, valid: Tensor) -> float:
    """Minus the logarithm of the X-ray's brightest pixel relative to the open beam, from the DRR at about its pose.

    It is by how much the line through the pixels' attenuation against the DRR (both (rows, columns)) misses zero.
    """
    x, y = image[valid].double(), attenuation[valid].double()
    x_mean, y_mean = x.mean(), y.mean()
    slope = ((x - x_mean) @ (y - y_mean)) / ((x - x_mean).square().sum() + 1e-12)
    return max(0.0, (slope * x_mean - y_mean).item())
