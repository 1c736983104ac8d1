"""A range of poses: sliders for its six halves, the cloud of cameras drawn from it, and DRRs at its ends."""

from __future__ import annotations

import html
import json

import torch
import torchio
from IPython.display import HTML
from torch import Tensor

from ..camera import Camera
from ..plots import BLUE, ORANGE
from ..render import Renderer
from ..runtime import script, style
from ..train import PoseRange
from ..train.poses import NAMES
from .page import KEYS
from .steps import encode

UNITS = ("°", "°", "°", "mm", "mm", "mm")
_LEVELS = 4
"""Positions of a slider above 0; a DRR is made for each, on both sides."""
_POSES = 120
"""Cameras in the cloud."""
_FIELD = 220.0
"""mm: half the side of the box that stands for the patient, as far as it is drawn along the patient's axis."""


def pose_cloud(
    subject: torchio.Subject,
    poses: PoseRange,
    camera: Camera,
    *,
    pixels: int = 72,
    seed: int = 0,
    label: str = "a range of poses",
) -> HTML:
    """A range of poses under six sliders: cameras drawn from it around the patient, and what the ends of it see.

    Parameters
    ----------
    subject
        The CT.
    poses
        The largest range; the sliders go from none of it to all of it. It has one isocentre.
    camera
        The camera of the DRRs, and of the frames in the cloud.
    pixels
        Side of a DRR.
    seed
        Seed of the poses. They are drawn once; a slider only stretches them.
    label
        A description, for screen readers.

    Returns
    -------
    IPython.display.HTML
        About 200 kB, which needs no kernel. Without scripts the DRRs at the ends of the whole range are shown.
    """
    generator = torch.Generator().manual_seed(seed)
    shares = 2 * torch.rand(_POSES, 6, generator=generator, dtype=torch.float64) - 1
    settings = {
        "names": NAMES,
        "units": UNITS,
        "half": poses.half.tolist(),
        "levels": _LEVELS,
        "shares": [[round(value, 4) for value in row] for row in shares.tolist()],
        "view": poses.view,
        "sod": poses.sod,
        "sid": camera.sid,
        "size": [camera.shape[1] * camera.pixel_spacing[1], camera.shape[0] * camera.pixel_spacing[0]],
        "centre": [float(value) for value in poses.centre],
        "field": _FIELD,
        "colors": [BLUE, ORANGE],
    }
    small = camera.resize(pixels, pixels)
    return HTML(
        f'<div class="dp-widget dp-cloud" role="group" aria-label="{html.escape(label)}" {KEYS} '
        f'data-settings="{html.escape(json.dumps(settings))}">'
        f"{style(__package__, 'widget.css')}{style(__package__, 'cloud.css')}"
        f'<div class="dp-live" hidden>'
        f'<canvas class="dp-focus" tabindex="0" role="img" width="820" height="470"></canvas>'
        f'<p class="dp-said" role="status"></p></div>'
        f'<div class="dp-axes">{"".join(_axis(n, subject, poses, small) for n in range(6))}</div>'
        f"{script(__package__, 'cloud.js')}</div>"
    )


def ends(poses: PoseRange, axis: int, level: int) -> Tensor:
    """(2, 4, 4) the poses at both ends of one parameter's range, at a position of its slider, the others at 0."""
    offsets = torch.zeros(2, 6, dtype=torch.float64)
    offsets[:, axis] = poses.half[axis] * level / _LEVELS * torch.tensor([-1.0, 1.0])
    return poses.pose(offsets)


def _axis(axis: int, subject: torchio.Subject, poses: PoseRange, camera: Camera) -> str:
    renderer = Renderer(subject, camera, voxel=3.0, step=3.0)
    pictures = []
    for level in range(_LEVELS + 1):
        value = poses.half[axis].item() * level / _LEVELS
        with torch.no_grad():
            images = renderer(ends(poses, axis, level))[:, 0]
        for sign, image in zip("−+", images, strict=True):
            top = torch.quantile(image, 0.995).clamp(min=1e-6)
            said = f"{sign}{value:g}{'' if UNITS[axis] == '°' else ' '}{UNITS[axis]}"
            shown = "" if level == _LEVELS else " hidden"
            pictures.append(
                f'<figure data-level="{level}"{shown}><img src="{encode((image / top).numpy())}" '
                f'alt="DRR at {NAMES[axis]} {html.escape(said)}"><figcaption>{html.escape(said)}</figcaption></figure>'
            )
    return (
        f'<div class="dp-axis"><div class="dp-bar"><label>{NAMES[axis]}</label><output></output>'
        f'<input type="range" min="0" max="{_LEVELS}" step="1" value="{_LEVELS}" '
        f'aria-label="{NAMES[axis]}, half of the range"></div>'
        f'<div class="dp-ends">{"".join(pictures)}</div></div>'
    )
