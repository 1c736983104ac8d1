"""2D/3D registration: from a first guess of the C-arm's pose to the pose that explains the X-ray."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..camera import apart, as_float64, invert, make_transform, rigid_motion
from ..images import XRay
from ..render import out_of_sight
from ..runtime import finish, one_torch_thread, progress_bar
from ..similarity.normal_equations import NothingToCompareError
from .calibration import adjusted
from .choices import Comparison, Strategy
from .judgement import gather, judge
from .outcome import COLUMNS, Refinement, Step
from .pixels.views import Views
from .search import Attempt, Search

if TYPE_CHECKING:
    import torchio

_SPREAD = (8.0, 20.0)
"""Degrees and mm: standard deviation, about each axis, of the motions from a start to the restarts. The mm are those of
a trunk; for a smaller part they are as much smaller."""
_SAME = 2.0
"""mm: two attempts agree if their poses are less than this :func:`diffpose_nb.camera.apart`."""
_BEHIND = 0.02
"""A further attempt is given up if its NCC at the end of a stage is so much under that of the best attempt."""
_CALIBRATED = 2
"""With ``calibrate``, SID and principal point are estimated in this many of the last stages only. Earlier they would
absorb the error of the pose."""


@one_torch_thread()
def refine(
    subject: torchio.Subject,
    xray: XRay | Sequence[XRay],
    world_from_camera: Tensor | None = None,
    *,
    compare: Comparison = Comparison(),  # noqa: B008 - frozen
    search: Strategy = Strategy(),  # noqa: B008 - frozen
    confirm: int = 0,
    seed: int = 0,
    progress: bool = True,
    callback: Callable[[Step], None] | None = None,
) -> Refinement:
    """Register an X-ray to a CT, starting from the pose in its header; or several X-rays of one patient at once.

    Parameters
    ----------
    subject
        The CT, from :mod:`diffpose_nb.ct`.
    xray
        The X-ray. If there are several, taken while the patient lay still, the poses relative to each other are
        trusted: one rigid motion of the patient is sought that repairs them all.
    world_from_camera
        (4, 4), or (V, 4, 4) for V X-rays: where to start. Default the nominal poses of the X-rays.
    compare
        Which pixels are compared, for instance only those near some bones: ``Comparison(structures=[…])``.
    search
        How the pose is searched for: the stages, the factor on bone, restarts, a detector that is not calibrated.
    confirm
        This many further attempts start around the pose that was found, to see whether they come back to it.
    seed
        The seed of everything that is drawn at random: restarts, patches, starts of ``confirm``.
    progress
        Show a progress bar.
    callback
        Called after every rendering, to draw or to record.

    Returns
    -------
    Refinement
        The attempt with the highest local NCC. An interrupt (Ctrl-C, the stop button) ends the search and returns the
        best pose so far.

    Raises
    ------
    ValueError
        If an X-ray has NaN or infinite pixels, shows no contrast, a start is not a rigid transform or does not see the
        CT, no pixel is left to compare, or an argument makes no sense.
    """
    import pandas as pd

    one = isinstance(xray, XRay)
    xrays = [xray] if one else list(xray)
    start = _starts(xrays, world_from_camera)
    _require_sight(subject, xrays, start)
    views = Views(subject, xrays, start, compare, search, seed)
    axes = {"world": None, "camera": views.axes, "source": start[0]}[search.axes]
    free_from = len(search.stages) - _CALIBRATED + 1 if search.calibrate else None
    bar = progress_bar(total=sum(stage.iterations for stage in search.stages), show=progress)
    descent = Search(callback, bar, axes, free_from, views.expectation, views.renewed)
    stages = [partial(views.levels, stage, number) for number, stage in enumerate(search.stages)]
    attempts: list[Attempt] = []

    def attempt(first: Tensor) -> Attempt:
        bar.reset()
        views.begin()
        try:
            done = descent.through(stages, first, _floors(attempts))
        except NothingToCompareError:
            # a restart that looks beside the patient is merely one that failed, and so is a start beside the CT
            if not attempts and not _unseen(subject, xrays, first):
                raise
            done = descent.current
        attempts.append(done)
        done.foreign, done.bone = dict(views.foreign), views.bone
        done.evidence = gather(views, descent.expectation, done)
        return done

    agreement = float("nan")
    try:
        for motion in _beginnings(views, search, seed):
            done = attempt(motion @ start)
            if judge(done.evidence).judgement == "found" and (not search.both_sides or len(attempts) > 1):
                break
        found = max(attempts, key=lambda attempt: attempt.ncc)
        around = [attempt(motion @ found.poses) for motion in _motions(confirm, seed + 1, views)]
        agreement = _agreement([found, *around], views.centre)
        finish(bar)
    except KeyboardInterrupt:
        attempts.append(descent.current or Attempt(start, torch.zeros(3)))
    finally:
        bar.close()

    best = max(attempts, key=lambda attempt: attempt.ncc)
    evidence = best.evidence or gather(views, descent.expectation, best)
    verdict = judge(evidence, agreement)
    cameras = tuple(adjusted(x.camera, best.correction) if search.calibrate else x.camera for x in xrays)
    foreign = tuple(best.foreign.get(n, torch.zeros(x.camera.shape, dtype=torch.bool)) for n, x in enumerate(xrays))
    reasons = verdict.reasons + _other_side(best, attempts, search)
    return Refinement(
        world_from_camera=best.poses[0] if one else best.poses,
        trace=pd.DataFrame(descent.rows, columns=list(COLUMNS)),
        poses=torch.stack(descent.poses) if descent.poses else start.new_empty(0, *start.shape[one:]),
        confidence=verdict.confidence,
        reason=_reason(subject, xrays, best),
        ncc=best.ncc,
        looseness=best.looseness(views.centre),
        agreement=agreement,
        camera=cameras[0] if one else cameras,
        judgement=verdict.judgement,
        reasons=reasons,
        uncertainty=evidence.uncertainty,
        evidence=evidence,
        foreign=foreign[0] if one else foreign,
        bone=best.bone,
    )


def _beginnings(views: Views, search: Strategy, seed: int) -> list[Tensor]:
    """The motions (4, 4) from the start to where the attempts begin, one after the other."""
    nearby = _motions(search.restarts, seed, views)
    first = torch.eye(4, dtype=torch.float64)
    if not search.both_sides:
        return [first, *nearby]
    half_turn = rigid_motion([0.0, 0.0, 180.0], [0.0, 0.0, 0.0], views.centre)
    return [first, half_turn, *(motion @ side for motion in nearby for side in (first, half_turn))]


def _floors(attempts: list[Attempt]) -> dict[int, float]:
    """The NCC at the end of each stage under which an attempt is given up, from the best attempt so far.

    The first two stages are too coarse to tell.
    """
    if not attempts:
        return {}
    best = max(attempts, key=lambda attempt: attempt.ncc)
    return {number: ncc - _BEHIND for number, (_, ncc) in best.stages.items() if number > 2}


def _other_side(best: Attempt, attempts: list[Attempt], search: Strategy) -> list[str]:
    """Which side of the patient was seen, in a sentence, if both were tried."""
    if not search.both_sides or len(attempts) < 2:
        return []
    side = next(n for n, attempt in enumerate(attempts) if attempt is best) % 2
    rival = max((attempt.ncc for n, attempt in enumerate(attempts) if n % 2 != side), default=0.0)
    where = "from the side that the start says" if side == 0 else "from the side opposite to the start"
    return [f"The patient is seen {where}: local NCC {best.ncc:.2f} there, {rival:.2f} from the other side."]


def _require_sight(subject: torchio.Subject, xrays: list[XRay], start: Tensor) -> None:
    for number, (xray, pose) in enumerate(zip(xrays, start, strict=True), start=1):
        if problem := out_of_sight(subject, xray.camera, pose, sideways=False):
            which = f" of X-ray {number}" if len(xrays) > 1 else ""
            raise ValueError(f"at the start{which} nothing of the CT is seen: {problem}")


def _reason(subject: torchio.Subject, xrays: list[XRay], best: Attempt) -> str:
    """Why the search stopped; of one that explains nothing of the image, also why nothing is seen."""
    blind = _unseen(subject, xrays, best.poses)
    return best.reason if blind is None or best.ncc > 0 else f"{best.reason}: nothing of the CT is seen: {blind}"


def _unseen(subject: torchio.Subject, xrays: list[XRay], poses: Tensor) -> str | None:
    """Why an X-ray cannot show the CT from its pose, in words; None if all may."""
    unseen = (out_of_sight(subject, xray.camera, pose) for xray, pose in zip(xrays, poses, strict=True))
    return next((reason for reason in unseen if reason is not None), None)


def _agreement(attempts: list[Attempt], centre: Tensor) -> float:
    """The share of attempts that end where the best one does, NaN if there is only one.

    The best attempt is left out of the count, since it always agrees with itself.
    """
    best = max(attempts, key=lambda attempt: attempt.ncc)
    others = [attempt for attempt in attempts if attempt is not best]
    if not others:
        return float("nan")
    to_centre = invert(make_transform(torch.eye(3), centre))
    there = [to_centre @ other.poses[0] for other in others]
    return float(np.mean([apart(pose, to_centre @ best.poses[0]) < _SAME for pose in there]))


def _starts(xrays: list[XRay], world_from_camera: Tensor | None) -> Tensor:
    """Where each view starts, (V, 4, 4), checked."""
    if not xrays:
        raise ValueError("there is no X-ray: a refinement needs at least one")
    if world_from_camera is None:
        poses = torch.stack([as_float64(xray.world_from_camera) for xray in xrays])
    else:
        poses = as_float64(world_from_camera)
        poses = poses[None] if len(xrays) == 1 and poses.ndim == 2 else poses
    for xray in xrays:
        _require_usable(xray)
    if poses.shape != (len(xrays), 4, 4) or not all(map(_is_rigid, poses)):
        raise ValueError(
            f"world_from_camera, of shape {tuple(poses.shape)}, is not one rigid transform (4, 4) of determinant +1 "
            "for each X-ray; see diffpose_nb.frames for how to make one"
        )
    return poses


def _motions(number: int, seed: int, views: Views) -> Tensor:
    """(number, 4, 4): turns and shifts about the centre of what is compared."""
    rng = np.random.default_rng(seed)
    turn, shift = _SPREAD[0], _SPREAD[1] * views.scale
    rotation, translation = rng.normal(0, turn, (number, 3)), rng.normal(0, shift, (number, 3))
    return rigid_motion(torch.from_numpy(rotation), torch.from_numpy(translation), views.centre)


def _is_rigid(pose: Tensor) -> bool:
    rotation = pose[:3, :3]
    orthogonal = torch.allclose(rotation @ rotation.mT, torch.eye(3, dtype=pose.dtype), atol=1e-6)
    return orthogonal and rotation.det().item() > 0


def _require_usable(xray: XRay) -> None:
    if not torch.isfinite(xray.pixels).all():
        raise ValueError("the X-ray has NaN or infinite pixels: replace them, or crop them away with xray.crop(…)")
    if xray.pixels.min() == xray.pixels.max():
        raise ValueError(f"every pixel of the X-ray is {xray.pixels[0, 0].item():g}: there is nothing to register")
