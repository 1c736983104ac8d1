"""X-rays of which the CT shows only a part, or that show what the CT does not: one maker of cases for each kind.

Every X-ray is simulated from the example CT, so its true pose is known, with physics that registration does not share.
What registration gets is less than what was simulated: a shorter CT, a CT without the metal, or a patient who lay
straight. Every random number comes from a seed. ``python -m diffpose_nb.commands.kinds`` registers them all and judges
the judgement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
import torchio
from torch import Tensor

from .. import ct
from ..camera import Camera, as_float64, invert, moved, rigid_motion, transform_points
from ..images import XRay
from ..simulate import bend, instruments, simulate_xray
from .example import SOD

CAMERA = Camera(1020, (1.0, 1.0), (320, 320))
"""The detector of the cases."""
VERTEBRA = "vertebrae_T8"
"""The vertebra that counts where only one does; it lies in the middle of the example CT."""
PIECES = (*(f"vertebrae_T{n}" for n in range(1, 13)), "vertebrae_L1", "vertebrae_L2")
"""The pieces into which a bent patient is taken: all vertebrae that the CT shows whole. Beyond the last ones a patient
is taken to move rigidly, so that fewer pieces leave more of a bend unexplained."""

_BONE_HU, _PLACES = 300, 300
"""Hounsfield units above which a voxel is bone; and number of places in bone at which the error is measured."""
SKELETON = ("rib", "vertebrae", "sternum", "scapula", "clavicula")
"""How the names of bones begin. In the kinds with one bone, or with bones alone, the CT holds nothing else."""


@dataclass(frozen=True)
class Case:
    """An X-ray to register.

    Parameters
    ----------
    kind, number
        The kind, one of :data:`KINDS`, and the number of the case within it.
    subject
        The CT that registration gets.
    xray
        The X-ray; ``world_from_camera`` is where the registration starts.
    truth
        (4, 4) the pose in the frame of ``subject``.
    points
        (N, 3) world mm: where the error counts.
    side
        Takes a second X-ray of the same patient, across the first one's beam; None if there is none.
    """

    kind: str
    number: int
    subject: torchio.Subject
    xray: XRay
    truth: Tensor
    points: Tensor
    side: Callable[[], XRay] | None = None

    @property
    def start(self) -> Tensor:
        """(4, 4) where the registration starts."""
        return self.xray.world_from_camera

    def two_views(self) -> list[XRay]:
        """The X-ray and the one from the side, whose poses relative to each other are right.

        Raises
        ------
        ValueError
            There is no second X-ray of this kind.
        """
        if self.side is None:
            raise ValueError(f"there is no second X-ray of the kind {self.kind!r}")
        first, second = self.xray, self.side()
        to_second = invert(first.true_world_from_camera) @ second.true_world_from_camera
        return [first, replace(second, world_from_camera=self.start @ to_second)]

    def error(self, pose: Tensor) -> tuple[float, float, float]:
        """Errors of a pose at the points, mm: their mean distance, and its parts across the beam and along it."""
        here, there = (transform_points(invert(as_float64(p)), self.points) for p in (pose, self.truth))
        apart = here - there
        return (
            apart.norm(dim=1).mean().item(),
            apart[:, :2].norm(dim=1).mean().item(),
            apart[:, 2].abs().mean().item(),
        )


@lru_cache(maxsize=1)
def example() -> torchio.Subject:
    """The example CT, loaded once."""
    return ct.example()


def _view(rng: np.random.Generator) -> tuple[float, float, Tensor]:
    """Angles of the C-arm and a motion of the patient."""
    primary, secondary = rng.uniform(-60, 60), rng.uniform(-20, 20)
    return primary, secondary, rigid_motion(rng.uniform(-5, 5, 3), rng.uniform(-15, 15, 3))


def _shoot(rng: np.random.Generator, subject: torchio.Subject, camera: Camera = CAMERA, **effects: object) -> XRay:
    return _shot(rng, subject, camera, **effects)()


def _shot(
    rng: np.random.Generator, subject: torchio.Subject, camera: Camera = CAMERA, **effects: object
) -> Callable[..., XRay]:
    """What takes an X-ray, and others of the same patient after the C-arm was turned by some degrees."""
    primary, secondary, motion = _view(rng)
    seed = int(rng.integers(2**31))

    def take(turned: float = 0.0) -> XRay:
        number = seed + round(turned)  # each X-ray has noise of its own
        return simulate_xray(subject, camera, primary + turned, secondary, SOD, motion=motion, seed=number, **effects)

    return take


def _start(rng: np.random.Generator, truth: Tensor, points: Tensor, least: float = 12.0, most: float = 34.0) -> Tensor:
    """A pose that is off by ``least`` to ``most`` mm at the points, by turns up to 8° and shifts up to 25 mm."""
    inside = invert(truth)
    while True:
        offsets = torch.from_numpy(np.concatenate([rng.uniform(-8, 8, 3), rng.uniform(-25, 25, 3)]))
        pose = moved(truth, offsets, points.mean(0))
        off = (transform_points(invert(pose), points) - transform_points(inside, points)).norm(dim=1).mean()
        if least <= off <= most:
            return pose


def _case(
    kind: str, number: int, rng: np.random.Generator, xray: XRay, subject: torchio.Subject | None = None,
    points: Tensor | None = None, truth: Tensor | None = None,
    off: tuple[float, float] = (12.0, 34.0),
) -> Case:  # fmt: skip
    truth = xray.true_world_from_camera if truth is None else truth
    points = _landmarks() if points is None else points
    start = _start(rng, truth, points, *off)
    return Case(kind, number, subject or example(), replace(xray, world_from_camera=start), truth, points)


@lru_cache(maxsize=1)
def _landmarks() -> Tensor:
    return torch.tensor(ct.landmarks(example())[["x", "y", "z"]].to_numpy(copy=True))


@lru_cache(maxsize=8)
def _points_of(structure: str) -> Tensor:
    """Some 200 points of a structure, world mm."""
    points = ct.structure_points(example(), structure)
    return points[:: max(1, len(points) // 200)]


def _whole(number: int, rng: np.random.Generator) -> Case:
    return _case("whole chest", number, rng, _shoot(rng, example()))


def _round(number: int, rng: np.random.Generator) -> Case:
    camera = replace(CAMERA, pixel_spacing=(0.7, 0.7))
    return _case("round field", number, rng, _shoot(rng, example(), camera, collimation="circle"))


def _metal(number: int, rng: np.random.Generator) -> Case:
    things = instruments(example(), int(rng.integers(2**31)))
    return _case("metal", number, rng, _shoot(rng, example(), foreign=things))


def _cut(number: int, rng: np.random.Generator) -> Case:
    middle = rng.uniform(-40, 40)
    length = 0.4 * CAMERA.shape[0] * CAMERA.pixel_spacing[0] * SOD / CAMERA.sid
    subject = ct.cut(example(), superior=(middle - length / 2, middle + length / 2))
    points = _landmarks()
    points = points[(points[:, 2] - middle).abs() < length / 2]
    return _case("short CT", number, rng, _shoot(rng, example()), subject, points, off=(8.0, 25.0))


def _bent(number: int, rng: np.random.Generator) -> Case:
    middle = _points_of(VERTEBRA).mean(0)
    plane = ("lateral", "flexion")[int(rng.integers(2))]
    sign = rng.choice([-1.0, 1.0])
    bent, motion = bend(example(), 6.0 * sign, plane=plane, about=middle.tolist())
    take = _shot(rng, bent)
    xray = take()
    fit, _ = motion.rigid_fit(example(), VERTEBRA)
    truth = invert(fit) @ xray.true_world_from_camera
    case = _case("bent", number, rng, xray, points=_points_of(VERTEBRA), truth=truth)
    return replace(case, side=lambda: take(90.0))


def _bones(number: int, rng: np.random.Generator) -> Case:
    return _case("bones alone", number, rng, _shoot(rng, example()), _skeleton())


@lru_cache(maxsize=1)
def _skeleton() -> torchio.Subject:
    table = example()["structures"]
    present = set(torch.unique(example()["mask"].data).tolist())
    bones = [row.structure for row in table.itertuples() if row.structure.startswith(SKELETON) and row.id in present]
    return ct.part(example(), bones)


def _another(number: int, rng: np.random.Generator) -> Case:
    case = _whole(number, rng)
    factors = np.exp(rng.uniform(0.06, 0.12, 3) * rng.choice([-1, 1], 3))
    return replace(case, kind="another patient", subject=_stretched(tuple(factors.round(2))))


@lru_cache(maxsize=4)
def _stretched(factors: tuple[float, float, float]) -> torchio.Subject:
    """The example patient, broader or narrower, as another one would be."""
    subject = example()
    stretched = {
        name: type(subject[name])(tensor=subject[name].data, affine=np.diag([*factors, 1.0]) @ subject[name].affine)
        for name in ("volume", "density", "mask")
    }
    return torchio.Subject({**subject, **stretched})


def _mirrored(number: int, rng: np.random.Generator) -> Case:
    case = _whole(number, rng)
    pixels = case.xray.pixels.flip(1).contiguous()
    return replace(case, kind="mirrored", xray=replace(case.xray, pixels=pixels))


def case_of(subject: torchio.Subject, number: int, seed: int = 0) -> Case:
    """The ``number``-th case of another CT, which shows what the X-ray shows.

    The error counts at the centres of its labels, or, if it has none, at some 300 places in bone.
    """
    rng = np.random.default_rng([seed, number])
    if subject.get("mask") is None:
        points = _places_in_bone(subject)
    else:
        points = torch.tensor(ct.landmarks(subject)[["x", "y", "z"]].to_numpy(copy=True))
    return _case("another CT", number, rng, _shoot(rng, subject), subject, points)


def _places_in_bone(subject: torchio.Subject) -> Tensor:
    volume = subject["volume"]
    index = (volume.data[0] > _BONE_HU).nonzero().double()
    if len(index) < _PLACES:
        raise ValueError(f"the CT has {len(index)} voxels above {_BONE_HU} HU: too few to count errors in its bones")
    return transform_points(as_float64(volume.affine), index[:: len(index) // _PLACES])


KINDS: dict[str, Callable[[int, np.random.Generator], Case]] = {
    "whole chest": _whole,
    "round field": _round,
    "metal": _metal,
    "short CT": _cut,
    "bent": _bent,
    "bones alone": _bones,
    "mirrored": _mirrored,
    "another patient": _another,
}
"""How a case of each kind is made, from its number and a generator of random numbers."""


def make_case(kind: str, number: int, seed: int = 0) -> Case:
    """The ``number``-th case of a kind; another seed makes other cases."""
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind), number])
    return KINDS[kind](number, rng)
