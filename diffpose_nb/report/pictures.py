"""What a report shows of one view: the X-ray, the CT over it before and after, what is left over, what was masked."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from io import BytesIO

import matplotlib
import numpy as np
import PIL.Image
import torch
import torchio
from torch import Tensor

from ..camera import Camera
from ..images import XRay, open_field, smooth_inside
from ..plots import orientation, overlay
from ..render import Renderer
from ..similarity import local_ncc

_LONGEST = 512
"""Pixels along the longer side of a picture."""
_WIDE = 0.05
"""Standard deviation of the blur that is taken from both images before they are subtracted, as a share of the side."""
_MASKED = (230, 159, 0)
"""The orange of Okabe and Ito's palette."""


@dataclass(frozen=True)
class ViewPictures:
    """The pictures of a view as arrays (rows, columns, 3) of bytes, and numbers beside them.

    Parameters
    ----------
    xray, before, after, residual, masked
        The X-ray's line integrals; the DRR in orange over the X-ray in blue, at the start and at the end; what the DRR
        does not explain; and the X-ray with what was left out in orange.
    letters
        The patient's directions at the left, right, top and bottom edge, as the start has them.
    ncc
        Local NCC of X-ray and DRR at the start and at the end.
    open_share, foreign_share
        The share of the pixels that the collimator leaves open; and the share of these that was left out as foreign.
    """

    xray: np.ndarray
    before: np.ndarray
    after: np.ndarray
    residual: np.ndarray
    masked: np.ndarray
    letters: tuple[str, str, str, str]
    ncc: tuple[float, float]
    open_share: float
    foreign_share: float


def pictures_of(
    subject: torchio.Subject, xray: XRay, camera: Camera, start: Tensor, pose: Tensor, foreign: Tensor
) -> ViewPictures:
    """Draw a view before and after its registration.

    Parameters
    ----------
    subject
        The CT.
    xray
        The X-ray.
    camera
        Its camera at the end, which differs from the X-ray's own where it was calibrated.
    start, pose
        (4, 4) ``world_from_camera`` before and after.
    foreign
        (rows, columns) bool, see :class:`diffpose_nb.register.Refinement`.
    """
    rows, columns = camera.shape
    scale = min(1.0, _LONGEST / max(rows, columns))
    shape = round(rows * scale), round(columns * scale)
    xray = replace(xray, camera=camera, notes=list(xray.notes))
    attenuation = xray.attenuation()
    small = replace(xray, pixels=attenuation).resize(*shape)
    field = replace(xray, pixels=open_field(attenuation).float()).resize(*shape).pixels > 0.5
    left_out = replace(xray, pixels=foreign.float()).resize(*shape).pixels > 0.5
    render = Renderer(subject, small.camera)
    drrs = [render(which)[0, 0] for which in (start, pose)]
    shown = small.pixels.where(field, torch.nan)
    ncc = tuple(float(local_ncc(drr, small.pixels, 21, 5, field)) for drr in drrs)
    right = start[:3, 0] * (-1 if camera.mirrored else 1)
    down = start[:3, 1]
    grey = _grey(shown)
    return ViewPictures(
        xray=grey,
        before=_bytes(overlay(drrs[0], shown)),
        after=_bytes(overlay(drrs[1], shown)),
        residual=_residual(drrs[1].numpy(), small.pixels.numpy(), (field & ~left_out).numpy()),
        masked=_masked(grey, (left_out | ~field).numpy()),
        letters=tuple(orientation(direction) for direction in (-right, right, -down, down)),
        ncc=ncc,
        open_share=float(field.float().mean()),
        foreign_share=float((left_out & field).sum() / field.sum().clamp(min=1)),
    )


def data_uri(picture: np.ndarray) -> str:
    """A picture as a PNG that stands in the page itself."""
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode()


def png(picture: np.ndarray) -> bytes:
    """The content of a PNG file."""
    stream = BytesIO()
    PIL.Image.fromarray(picture).save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def _grey(image: Tensor) -> np.ndarray:
    values = image.numpy()
    low, high = np.nanquantile(values, (0.005, 0.995))
    grey = np.nan_to_num((values - low) / max(high - low, 1e-12))
    return _bytes(np.repeat(grey[..., None], 3, -1))


def _masked(grey: np.ndarray, left_out: np.ndarray) -> np.ndarray:
    picture = grey.astype(float)
    picture[left_out] = 0.35 * picture[left_out] + 0.65 * np.array(_MASKED)
    return np.rint(picture).astype(np.uint8)


def _residual(drr: np.ndarray, shown: np.ndarray, compared: np.ndarray) -> np.ndarray:
    """X-ray minus the DRR that was fitted to it, both without what is smooth: blue less, red more than the CT holds.

    One scale for all reports: white to full colour is twice the standard deviation of the X-ray's own detail, so that a
    pale picture means a good fit.
    """
    width = _WIDE * max(shown.shape)
    detail, explained = (image - smooth_inside(image, compared, width) for image in (shown, drr))
    x, y = explained[compared], detail[compared]
    slope = max(0.0, float(x @ y / max(x @ x, 1e-12)))
    left = (detail - slope * explained) / max(2 * float(y.std()), 1e-12)
    colours = matplotlib.colormaps["RdBu_r"](0.5 + np.clip(left, -1, 1) / 2)[..., :3]
    colours[~compared] = 0.0
    return _bytes(colours)
