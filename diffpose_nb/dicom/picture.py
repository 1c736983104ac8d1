"""An X-ray without a header: pixels from a picture or an array, and the geometry in words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import PIL.Image
import PIL.ImageOps
import torch
from torch import Tensor

from ..camera import Camera, carm_pose
from ..images import XRay, beam_sign
from .errors import DicomGeometryError, UnreadableDicom
from .geometry.carm import NO_ANGLES, PRIMARY_LIMITS, SECONDARY_LIMITS, SID_LIMITS, SOD_LIMITS
from .geometry.spacing import SPACING_LIMITS
from .header import Header, show_number

Values = Literal["linear", "log", "display"]
"""What a pixel's value is: proportional to the beam's intensity; to its logarithm; or processed for display."""
Bright = Literal["beam", "bone"]
"""What is bright: the lungs and the air beside the patient, where much of the beam arrives; or the bones."""
SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".npy")
"""Names of files that are read as pictures."""
_RELATIONSHIP = {"linear": "LIN", "log": "LOG", "display": "DISP"}
_ORIENTATION = 274  # the EXIF tag that says how a picture was turned
_QUESTIONS = {
    "sid": "sid is missing: the distance from the X-ray source to the detector, mm.",
    "sod": "sod is missing: the distance from the source to the isocentre, mm; about 0.6 to 0.75 times the SID.",
    "primary": "primary is missing: the positioner's primary angle, degrees; LAO is positive, 0 is frontal.",
    "secondary": "secondary is missing: the positioner's secondary angle, degrees; CRA is positive.",
    "pixel_spacing": "pixel_spacing is missing: (row, column), mm at the detector; its height by the number of rows.",
    "values": "values is missing: 'linear' if a value is proportional to the beam, 'log' if to its logarithm, "
    "'display' if it was processed for a screen, as most exported pictures are.",
    "bright": "bright is missing: 'beam' if lungs and air are bright, 'bone' if bones are.",
}


def read_picture(
    picture: str | os.PathLike[str] | np.ndarray | Tensor,
    *,
    sid: float | None = None,
    sod: float | None = None,
    primary: float | None = None,
    secondary: float | None = None,
    pixel_spacing: float | Sequence[float] | None = None,
    values: Values | None = None,
    bright: Bright | None = None,
    principal_point: Sequence[float] | None = None,
    mirrored: bool = False,
    angles: bool = True,
) -> XRay:
    """An X-ray from a picture that has no header. Whatever a header would say is asked for.

    Pixels keep all their bits. A turn that a camera noted in EXIF is carried out first; everything else counts in
    pixels of the picture as it is then seen.

    Parameters
    ----------
    picture
        A PNG, TIFF, JPEG or BMP file, a NumPy file (.npy), or an array (rows, columns).
    sid, sod
        Distances from the source to the detector and from the source to the isocentre, mm.
    primary, secondary
        Positioner angles, degrees; LAO and CRA are positive.
    pixel_spacing
        (row, column) spacing at the detector, mm; one number for both.
    values
        See :data:`Values`.
    bright
        See :data:`Bright`.
    principal_point
        (column, row) to which the isocentre projects, in pixels counted from 0. Default the middle.
    mirrored
        Whether the picture is seen from the source, with the patient's right side on the right. DICOM's X-rays are
        seen from the detector.
    angles
        False: the angles are not needed, because the start comes from elsewhere. The pose is then the frontal one.

    Returns
    -------
    XRay
        Its world has RAS axes in mm and the isocentre as origin. Its ``notes`` list all assumptions.

    Raises
    ------
    UnreadableDicom
        The file cannot be read, has colours, several pages, or pixels that are not finite.
    DicomGeometryError
        Arguments are missing or implausible. The message lists all of them.
    """
    name = os.fspath(picture) if isinstance(picture, str | os.PathLike) else "the array"
    pixels, notes = open_picture(Path(name)) if name != "the array" else (_grey(np.asarray(picture), name), [])
    header = Header([])
    if not angles:
        primary = secondary = 0.0
        notes.append(NO_ANGLES)
    numbers = {
        "sid": (sid, SID_LIMITS, "mm", 1),
        "sod": (sod, SOD_LIMITS, "mm", 1),
        "primary": (primary, PRIMARY_LIMITS, "degrees", 1),
        "secondary": (secondary, SECONDARY_LIMITS, "degrees", 1),
        "pixel_spacing": (_pair(pixel_spacing), SPACING_LIMITS, "mm", 2),
    }
    found = {}
    for key, (argument, limits, unit, count) in numbers.items():
        if argument is None:
            header.problems.append(_QUESTIONS[key])
        elif (checked := header.check_argument(key, argument, limits, unit, count)) is not None:
            found[key] = checked
    if "sid" in found and "sod" in found and found["sod"][0] >= found["sid"][0]:
        header.problems.append(
            f"sod is {show_number(found['sod'][0])} mm and sid {show_number(found['sid'][0])} mm: the isocentre lies "
            "between source and detector."
        )
    if principal_point is not None:
        edge = 4.0 * max(pixels.shape)
        principal_point = header.check_argument("principal_point", principal_point, (-edge, edge), "pixels", 2)
    for key, word, words in (("values", values, get_args(Values)), ("bright", bright, get_args(Bright))):
        if word is None:
            header.problems.append(_QUESTIONS[key] + (_looks(pixels) if key == "bright" else ""))
        elif word not in words:
            header.problems.append(f"{key} is {word!r}: it is {' or '.join(map(repr, words))}.")
    if header.problems:
        raise DicomGeometryError(name, header.problems)
    camera = Camera(
        found["sid"][0], found["pixel_spacing"], tuple(pixels.shape), principal_point, mirrored=not mirrored
    )
    seen = "the source" if mirrored else "the detector"
    notes += [
        "Geometry: the picture has no header; distances, angles and pixel spacing are those that were given.",
        f"Mirror: the picture is taken to be seen from {seen}.",
        *(() if principal_point else ("Principal point: taken as the middle of the picture.",)),
        "World: the C-arm's isocentre is taken to be the world's origin, and the patient not to have moved.",
    ]
    return XRay(
        pixels=pixels,
        camera=camera,
        world_from_camera=carm_pose(found["primary"][0], found["secondary"][0], found["sod"][0]),
        relationship=_RELATIONSHIP[values],
        sign=1 if bright == "beam" else -1,
        notes=notes,
    )


def _pair(spacing: float | Sequence[float] | None) -> float | Sequence[float] | None:
    return (spacing, spacing) if isinstance(spacing, int | float) else spacing


def _looks(pixels: Tensor) -> str:
    """What the picture itself seems to say, as a hint."""
    sign = beam_sign(pixels)
    return "" if sign is None else f" The picture looks like {'beam' if sign > 0 else 'bone'!r}; that is a guess."


def open_picture(path: Path) -> tuple[Tensor, list[str]]:
    """The pixels (rows, columns) float32 of a file, upright, and notes on what was found and done.

    Raises
    ------
    UnreadableDicom
        As in :func:`read_picture`.
    """
    if not path.is_file():
        raise UnreadableDicom(f"{path}: there is no such file. Check the path, and the folder that it starts from.")
    try:
        if path.suffix.lower() == ".npy":
            return _grey(np.load(path, allow_pickle=False), str(path)), []
        with PIL.Image.open(path) as image:
            return _picture(image, path)
    except UnreadableDicom:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, PIL.Image.DecompressionBombError) as error:
        raise UnreadableDicom(
            f"{path}: cannot be read as a picture ({type(error).__name__}); PNG, TIFF, JPEG, BMP and NumPy files are."
        ) from None


def _picture(image: PIL.Image.Image, path: Path) -> tuple[Tensor, list[str]]:
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        raise UnreadableDicom(f"{path}: has {image.n_frames} pages. Save the one that is meant as a file of its own.")
    if image.getexif().get(_ORIENTATION, 1) != 1:
        image = PIL.ImageOps.exif_transpose(image)
        notes.append(f"EXIF says that the picture was turned or flipped: it is now {image.height} x {image.width}.")
    if image.format == "JPEG" or path.suffix.lower() in (".jpg", ".jpeg"):
        notes.append("JPEG leaves out fine detail; ask for the DICOM file, or for a PNG of 16 bits.")
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")
    pixels = np.asarray(image)
    if pixels.ndim == 3:
        colours = pixels[..., : 3 if pixels.shape[-1] > 2 else 1]
        if (colours != colours[..., :1]).any():
            raise UnreadableDicom(f"{path}: has colours, and X-rays are grey. Export the original, not a screenshot.")
        pixels = colours[..., 0]
        notes.append("The picture has channels of colour that are all alike: one of them is used.")
    if pixels.dtype == np.uint8:
        notes.append("The picture has 8 bits: 256 greys, fewer than a detector tells apart.")
    return _grey(pixels, str(path)), notes


def _grey(pixels: np.ndarray, name: str) -> Tensor:
    if pixels.ndim != 2 or min(pixels.shape) < 2:
        raise UnreadableDicom(f"{name}: is {' x '.join(map(str, pixels.shape))}: a picture is rows x columns.")
    if pixels.dtype.kind not in "iuf":
        raise UnreadableDicom(f"{name}: holds {pixels.dtype} and not grey values.")
    values = pixels.astype(np.float32)
    if not np.isfinite(values).all():
        raise UnreadableDicom(f"{name}: some pixels are NaN or infinite. Replace them, or crop them away.")
    return torch.from_numpy(np.ascontiguousarray(values))
