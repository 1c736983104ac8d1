"""``python -m diffpose_nb.commands.wrist`` registers the real wrist of :func:`diffpose_nb.sets.wrist`, many times.

Radius and ulna, at both times, with both views and with one view and a prior, from starts up to 15 mm and 8° off. A row
is written as soon as it is done, so that an interrupted run goes on where it stopped. Eight starts take about twenty
minutes on two CPU cores. The set publishes no poses. So errors are counted from the silver standard where there is one,
and otherwise from the end with the highest NCC of both views; the spread of the ends is then all that is known.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
import torchio
from torch import Tensor
from tqdm import tqdm

from ..camera import as_float64, invert, make_transform, rigid_motion, transform_points
from ..data import WRIST_REGISTRATIONS
from ..register import Prior, Strategy, refine
from ..runtime import write_text_whole
from ..sets import PublicSet, wrist

VIEWS = {"both": ("cam01", "cam02"), "cam01": ("cam01",), "cam02": ("cam02",)}
FRAMES = ("0099", "0158")
_ROUGH = {
    "radius": ((-0.99, 0.02, 0.10), (0.02, 1.00, 0.06), (109.0, 158.0, 90.0)),
    "ulna": ((-0.35, -0.17, -0.92), (-0.10, 0.98, -0.15), (113.0, 160.0, 113.0)),
}
"""Around which the starts lie: where the first and the third axis of a bone's stack point in the fluoroscope's frame,
and where the middle of its box is, mm. Between the two frames the bones move by less than 3 mm."""
_KEY = ("bone", "frame", "views", "number", "seed")
"""The columns that tell one registration from all others."""
_FARTHEST = (8.0, 15.0)
"""Degrees and mm: how far the starts are off at most."""
_PRIOR = Prior(8.0, (10.0, 10.0, 10.0))
"""With one view, what the start is trusted."""


def rough(bone: Literal["radius", "ulna"]) -> Tensor:
    """(4, 4) ``fluoroscope_from_bone``, about as well as one can place a bone by hand."""
    first, third, centre = (as_float64(vector) for vector in _ROUGH[bone])
    third = third / third.norm()
    first = torch.nn.functional.normalize(first - (first @ third) * third, dim=0)
    return make_transform(torch.stack([first, torch.linalg.cross(third, first), third], 1), centre)


def main(path: Path, number: int = 8, seed: int = 0, views: list[str] | None = None) -> pd.DataFrame:
    """Register each bone in each frame from ``number`` starts, and write a row for each to ``path``.

    Both views are always among ``views``, since the errors of the others are counted from their pose.
    """
    data = wrist()
    table = pd.read_csv(path, dtype={"frame": str}) if path.exists() else pd.DataFrame(columns=["bone"])
    done = set(zip(*(table.get(key, []) for key in _KEY), strict=True))
    todo = [
        (bone, frame, seen, n, seed)
        for n in range(number)
        for seen in VIEWS
        if views is None or seen in ("both", *views)
        for frame in FRAMES
        for bone in _ROUGH
        if (bone, frame, seen, n, seed) not in done
    ]
    subjects = {patient.name: patient.subject() for patient in data.patients}
    for bone, frame, seen, n, _ in tqdm(todo, "registrations"):
        start = rough(bone) @ _offset(np.random.default_rng((seed, n)))
        row = dict(zip(_KEY, (bone, frame, seen, n, seed), strict=True))
        row |= register(data, subjects[bone], bone, frame, VIEWS[seen], start)
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
        write_text_whole(path, table.to_csv(index=False))
    return table


def register(
    data: PublicSet, subject: torchio.Subject, bone: str, frame: str, cameras: tuple[str, ...], start: Tensor
) -> dict[str, object]:
    """One registration from ``fluoroscope_from_bone``, with both views by default, with one view with a prior."""
    xrays = [data.patient(bone).xray(f"{frame} {camera}").read() for camera in cameras]
    poses = torch.stack([invert(start) @ xray.world_from_camera for xray in xrays])
    search = Strategy() if len(xrays) > 1 else Strategy(prior=_PRIOR, restarts=0)
    found = refine(subject, xrays, poses, search=search, progress=False)
    return {
        "judgement": found.judgement,
        "confidence": found.confidence,
        "ncc": found.ncc,
        "halves": found.evidence.halves,
        "uncertainty": found.uncertainty[3:].max().item(),
        "seconds": found.trace.seconds.iloc[-1],
        "start": json.dumps(start.tolist()),
        "end": json.dumps((xrays[0].world_from_camera @ invert(found.world_from_camera[0])).tolist()),
    }


def errors(table: pd.DataFrame) -> pd.DataFrame:
    """The table with errors in mm, means over the corners of the bone's box.

    ``start_mm`` is that of the start and ``mm`` that of the end; ``across`` and ``along`` are its parts across the beam
    and along it, of the first camera that was used.
    """
    data = wrist()
    rows = []
    for (bone, frame), group in table.groupby(["bone", "frame"]):
        patient = data.patient(bone)
        volume = patient.subject()["volume"]
        corners = torch.cartesian_prod(*(torch.tensor([-0.5, n - 0.5]).double() for n in volume.spatial_shape))
        corners = transform_points(torch.from_numpy(volume.affine), corners)
        cameras = {one: patient.xray(f"{frame} {one}").read().world_from_camera for one in VIEWS["both"]}
        standard = patient.xray(f"{frame} cam01").standard
        if standard is None:
            both = group[group.views == "both"]
            reference = as_float64(json.loads(both.end[both.ncc.idxmax()]))
        else:
            reference = cameras["cam01"] @ invert(standard.world_from_camera)
        for row in group.to_dict("records"):
            apart = [
                transform_points(as_float64(json.loads(row[end])), corners) - transform_points(reference, corners)
                for end in ("start", "end")
            ]
            seen = apart[1] @ cameras[VIEWS[row["views"]][0]][:3, :3]
            row |= {"start_mm": apart[0].norm(dim=1).mean().item(), "mm": apart[1].norm(dim=1).mean().item()}
            row |= {"across": seen[:, :2].norm(dim=1).mean().item(), "along": seen[:, 2].abs().mean().item()}
            rows.append(row)
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each choice of views, bone and frame."""

    def row(group: pd.DataFrame) -> pd.Series:
        said = group.judgement.value_counts()
        return pd.Series(
            {
                "starts": len(group),
                "start, mm": group.start_mm.median(),
                "under 1 mm": (group.mm < 1).sum(),
                "median, mm": group.mm.median(),
                "worst, mm": group.mm.max(),
                "across, mm": group.across.median(),
                "along, mm": group.along.median(),
                "found": said.get("found", 0),
                "doubtful": said.get("doubtful", 0),
                "lost": said.get("lost", 0),
                "found, over 2 mm": ((group.judgement == "found") & (group.mm > 2)).sum(),
                "NCC": group.ncc.median(),
                "s": group.seconds.median(),
            }
        )

    return table.groupby(["views", "bone", "frame"]).apply(row, include_groups=False)


def _offset(rng: np.random.Generator) -> Tensor:
    """(4, 4) a turn and a shift in any direction, of any size up to the farthest."""
    turn, shift = (most * rng.uniform() * _direction(rng) for most in _FARTHEST)
    return rigid_motion(torch.from_numpy(turn), torch.from_numpy(shift))


def _direction(rng: np.random.Generator) -> np.ndarray:
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.wrist", description=__doc__)
    parser.add_argument("--path", type=Path, default=Path("notebooks/_work/wrist.csv"), help="the table to write")
    parser.add_argument("--number", type=int, default=8, help="starts for each bone, frame and choice of views")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other starts")
    parser.add_argument("--views", action="append", choices=list(VIEWS), help="both, and only these; may be repeated")
    parser.add_argument("--write", action="store_true", help="also write the errors that the package ships")
    arguments = parser.parse_args()
    made = errors(main(arguments.path, arguments.number, arguments.seed, arguments.views))
    if arguments.write:
        write_text_whole(WRIST_REGISTRATIONS, made.drop(columns=["start", "end"]).round(4).to_csv(index=False))
    print(summary(made).round(2).to_string())
