"""``python -m diffpose_nb.commands.landscapes`` makes the loss landscapes in ``diffpose_nb/data/``.

This takes about a quarter of an hour on two CPU cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from .. import ct, data
from ..data import EXAMPLE_LANDSCAPES
from ..dicom import read_xray
from ..evaluate import mtre
from ..register import Strategy, refine
from ..similarity.landscapes import LOSSES, PAIRS, SPAN, Landscapes, Setting, grid, line, roll_downhill, setting

STARTS = (1 / 3, 2 / 3, 1.0)
"""Distances of the starts from the truth, on both sides of it, as fractions of ``SPAN``."""


def profiles(example: Setting, steps: int = 81) -> Tensor:
    """Values of every loss along every parameter: (losses, 6, steps)."""
    each = [torch.stack(list(example.losses(line(axis, steps)).values())) for axis in range(6)]
    return torch.stack(each, 1)


def maps(example: Setting, steps: int = 29) -> Tensor:
    """Values of every loss over every pair of parameters: (losses, 15, steps, steps)."""
    each = [torch.stack(list(example.losses(grid(*pair, steps)).values())) for pair in tqdm(PAIRS, "pairs")]
    return torch.stack(each, 1).reshape(len(LOSSES), len(PAIRS), steps, steps)


def starts() -> Tensor:
    """Offsets (36, 6) from the truth: along each parameter, at each distance of :data:`STARTS`, to both sides."""
    sides = torch.tensor([sign * fraction for fraction in STARTS for sign in (-1, 1)], dtype=torch.float64)
    return torch.cat([sides[:, None] * row for row in torch.diag(torch.tensor(SPAN, dtype=torch.float64))])


def main(path: Path = EXAMPLE_LANDSCAPES) -> None:
    """Write the landscapes of the example X-ray, about 200 KB."""
    subject, xray, truth = ct.example(), read_xray(data.EXAMPLE_XRAY), data.example_truth()
    example, points = setting(subject, xray, truth), ct.landmarks(subject)
    begin = starts()
    ends = [mtre(roll_downhill(example, loss, begin), truth, points) for loss in tqdm(LOSSES, "descents")]
    refined = [
        refine(subject, xray, pose, search=Strategy(restarts=0), progress=False).world_from_camera
        for pose in tqdm(example.poses(begin), "refinements")
    ]
    ends.append(mtre(torch.stack(refined), truth, points))
    Landscapes(profiles(example), maps(example), begin, torch.stack(ends)).save(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.landscapes", description=__doc__)
    parser.add_argument("--path", type=Path, default=EXAMPLE_LANDSCAPES, help="what to write (default: the package's)")
    main(parser.parse_args().path)
