"""The files of Autoscoper: calibrations (MayaCam 2.0), bones as stacks of slices, and frames."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torchio
from PIL import Image, ImageSequence, UnidentifiedImageError
from torch import Tensor

from ...camera import Camera, invert, make_transform
from ...ct import linear_attenuation
from ...images import XRay
from ...runtime import write_text_whole, written_whole
from ..errors import SetError

SID = 1400.0
"""mm. A camera matrix tells only the ratio of SID and pixel size. A ray ends at the detector, so the SID must exceed
the depth of the bones, which are 1040 and 1080 mm from the sources."""
WATER = 1000.0
"""What the bones' files have for water. Nobody says so; it is the offset with which CT numbers are stored above 0."""
_LARGEST = 4095
_BLOCKS = {"image size": (1, 2), "camera matrix": (3, 3), "rotation": (3, 3), "translation": (3, 1)}
"""The parts of a calibration file, and how many rows and columns of numbers each has."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a calibration file says of a fluoroscope.

    Parameters
    ----------
    camera
        Its intrinsics; the image is seen from the source.
    fluoroscope_from_camera
        (4, 4) float64: its pose in the frame that all fluoroscopes of a calibration share, mm.
    """

    camera: Camera
    fluoroscope_from_camera: Tensor


def read_calibration(path: str | Path, sid: float = SID) -> Calibration:
    r"""A calibration in the format MayaCam 2.0, which XMALab writes and Autoscoper reads.

    The file holds an image size (columns, rows), a camera matrix, a rotation and a translation, read as OpenCV does:
    :math:`\text{pixel} \sim K (R X + t)`, with X in mm in the fluoroscope's frame and rows counted from the top.
    Autoscoper's documentation puts minus signs into its template. The beads of the wrist, seen in both views, decide
    for this reading: they miss their epipolar lines by less than half a pixel, and with rows counted from the bottom no
    bead finds a partner.

    Parameters
    ----------
    path
        The text file.
    sid
        Distance from the source to the detector, mm, which the file does not tell.

    Raises
    ------
    SetError
        A part is missing or has other numbers than it should, the camera matrix is none, or the rotation is none.
    """
    path = Path(path)
    blocks = _blocks(path)
    columns, rows = (int(n) for n in blocks["image size"].ravel())
    try:
        camera = Camera.from_opencv(torch.from_numpy(blocks["camera matrix"]), (columns, rows), sid)
    except ValueError as error:
        raise SetError(f"{path}: the part 'camera matrix' is no camera: {error}") from error
    rotation = torch.from_numpy(blocks["rotation"])
    if not torch.allclose(rotation @ rotation.mT, torch.eye(3).double(), atol=1e-4) or rotation.det() < 0:
        raise SetError(f"{path}: the part 'rotation' is {rotation.tolist()}, which is not a rotation matrix")
    camera_from_fluoroscope = make_transform(orthonormal(rotation), torch.from_numpy(blocks["translation"]).ravel())
    return Calibration(camera, invert(camera_from_fluoroscope))


def write_calibration(path: str | Path, calibration: Calibration) -> None:
    """Write a calibration as a file that :func:`read_calibration` reads. The SID is not written."""
    camera_from_fluoroscope = invert(calibration.fluoroscope_from_camera)
    matrix, (width, height) = calibration.camera.to_opencv()
    parts = {
        "image size": [[width, height]],
        "camera matrix": matrix.tolist(),
        "rotation": camera_from_fluoroscope[:3, :3].tolist(),
        "translation": camera_from_fluoroscope[:3, 3:].tolist(),
    }
    lines = [[name, *(",".join(f"{value:.12g}" for value in row) for row in rows), ""] for name, rows in parts.items()]
    write_text_whole(path, "\n".join(line for part in lines for line in part))


def read_frame(path: str | Path, calibration: Calibration, notes: tuple[str, ...] = ()) -> XRay:
    """One image of a fluoroscope, with its pose in the fluoroscope's frame.

    Raises
    ------
    SetError
        The file cannot be read, or its size is not that of the calibration.
    """
    path = Path(path)
    (pixels,) = _pages(path, single=True)
    if pixels.shape != calibration.camera.shape:
        raise SetError(
            f"{path}: the image has {pixels.shape[0]} rows and {pixels.shape[1]} columns, and the calibration is for "
            f"{calibration.camera.shape[0]} and {calibration.camera.shape[1]}: one of the two files belongs elsewhere"
        )
    return XRay(
        torch.from_numpy(pixels.astype(np.float32)),
        calibration.camera,
        calibration.fluoroscope_from_camera,
        notes=list(notes),
    )


def read_bone(path: str | Path, name: str, spacing: tuple[float, float, float]) -> torchio.Subject:
    """A bone that was cut out of a CT and stored as a stack of slices, as a subject for rendering and registration.

    The world of the subject has the axes of the stack, mm, and its origin is the centre of the stack's box. The bone is
    what is not 0, and its label map holds it as structure ``name``.

    Parameters
    ----------
    path
        A TIFF file of slices in z, with rows along y and columns along x.
    name
        What the structure is called.
    spacing
        mm along x, y and z, which the file does not tell.

    Raises
    ------
    SetError
        The file cannot be read, or all of it is 0.
    """
    path = Path(path)
    values = np.stack(_pages(path)).astype(np.float32).transpose(2, 1, 0)
    if not values.any():
        raise SetError(f"{path}: every voxel is 0, so there is no bone in it")
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -(np.array(values.shape) - 1) * spacing / 2
    volume = torchio.ScalarImage(tensor=torch.from_numpy(values - WATER)[None], affine=affine)
    return torchio.Subject(
        volume=volume,
        density=torchio.ScalarImage(tensor=linear_attenuation(volume.data), affine=affine),
        mask=torchio.LabelMap(tensor=torch.from_numpy((values > 0).astype(np.int32))[None], affine=affine),
        structures=pd.DataFrame({"id": [1], "structure": [name], "group": ["skeleton"]}),
        lps_from_world=torch.eye(4, dtype=torch.float64),
        notes=[
            f"{path.name}: voxels of {' x '.join(f'{mm:g}' for mm in spacing)} mm and {WATER:g} for water, which the "
            "file does not tell.",
            "Which patient axes the stack's axes are is not told: lps_from_world is the identity.",
        ],
        orientation=None,
        reorient=torch.eye(4),
        fiducials=None,
    )


def write_stack(path: str | Path, values: np.ndarray) -> None:
    """Write a volume (x, y, z) of 0 to 4095, or an image (rows, columns) of 0 to 255, as the published files are."""
    if values.ndim == 2:
        pages = [Image.fromarray(values.astype(np.uint8))]
    else:
        pages = [Image.fromarray(np.ascontiguousarray(page.T).astype(np.uint16)) for page in np.moveaxis(values, 2, 0)]
    content = BytesIO()  # Pillow reads again what it has written
    pages[0].save(content, format="TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    with written_whole(path) as stream:
        stream.write(content.getvalue())


def stored(hounsfield: np.ndarray) -> np.ndarray:
    """CT numbers as the bones' files store them, from 0 to 4095."""
    return np.clip(np.rint(hounsfield + WATER), 0, _LARGEST)


def _blocks(path: Path) -> dict[str, np.ndarray]:
    """Name → numbers of the parts of a calibration file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetError(f"{path}: it cannot be read as a calibration file: {error}") from error
    found: dict[str, list[str]] = {}
    rows: list[str] = []
    for line in filter(None, map(str.strip, lines)):
        if line.lower() in _BLOCKS:
            rows = found.setdefault(line.lower(), [])
        else:
            rows.append(line)
    missing = [name for name in _BLOCKS if name not in found]
    if missing:
        raise SetError(f"{path}: {missing} are missing; a calibration in the format MayaCam 2.0 has {list(_BLOCKS)}")
    return {name: _numbers(path, name, found[name], shape) for name, shape in _BLOCKS.items()}


def _numbers(path: Path, name: str, lines: list[str], shape: tuple[int, int]) -> np.ndarray:
    try:
        rows = [[float(value) for value in line.split(",")] for line in lines]
    except ValueError as error:
        raise SetError(f"{path}: the part {name!r} holds {lines}, which are not numbers alone") from error
    if len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
        raise SetError(f"{path}: the part {name!r} holds {lines}; expected {shape[0]} lines of {shape[1]} numbers")
    return np.array(rows)


def _pages(path: Path, single: bool = False) -> list[np.ndarray]:
    try:
        with Image.open(path) as file:
            pages = [np.array(page) for page in ImageSequence.Iterator(file)]
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise SetError(f"{path}: it cannot be read as a TIFF file: {error}") from error
    if any(page.ndim != 2 for page in pages) or (single and len(pages) != 1):
        raise SetError(
            f"{path}: it holds {len(pages)} pages of shape {pages[0].shape}; expected grey images"
            + (", one of them" if single else "")
        )
    return pages


def orthonormal(rotation: Tensor) -> Tensor:
    """The rotation nearest to a matrix that is one up to the digits of a text file."""
    u, _, vh = torch.linalg.svd(rotation)
    return u @ vh
