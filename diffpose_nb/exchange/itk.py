"""ITK's text format of transforms, ``.tfm``, which ITK, SimpleITK, elastix, ANTs and 3D Slicer read."""

from __future__ import annotations

import math
import re
from pathlib import Path

import torch
from torch import Tensor

from ..camera import as_float64
from ..camera.rotations import roma
from ..runtime import write_text_whole

_HEAD = "#Insight Transform File V1.0"


def write_itk_transform(path: str | Path, target_from_source: Tensor, about: str = "") -> None:
    """Write a rigid or affine transform as ITK's ``AffineTransform``.

    - Axes: LPS, in which ITK and DICOM count.
    - Origin: that of the two frames.
    - Maps: a point (3,) of *source*, mm, to *target*, as ITK's ``TransformPoint`` does. When 3D Slicer applies a
      ``.tfm`` to a model, it carries the model the other way, from *target* to *source*: ITK's transforms resample.
    - Source: ITK Software Guide, "Transforms"; the file format is that of ``itk::TxtTransformIO``.

    Parameters
    ----------
    path
        A file that ends in .tfm or .txt. Its folder is made if it does not exist.
    target_from_source
        (4, 4).
    about
        A line of comment, which programs skip.
    """
    matrix = as_float64(target_from_source)
    numbers = [*matrix[:3, :3].flatten().tolist(), *matrix[:3, 3].tolist()]
    lines = [
        _HEAD,
        *([f"# {about}"] if about else []),
        "#Transform 0",
        "Transform: AffineTransform_double_3_3",
        "Parameters: " + " ".join(repr(number) for number in numbers),
        "FixedParameters: 0 0 0",
        "",
    ]
    write_text_whole(path, "\n".join(lines))


def read_itk_transform(path: str | Path) -> Tensor:
    """The matrix (4, 4) of a ``.tfm`` that holds an affine, Euler, versor or rigid transform, or a translation.

    Raises
    ------
    ValueError
        The file is missing, is no ITK transform in text, holds several transforms, or one that is not linear.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read as a .tfm ({type(error).__name__})") from None
    if not text.startswith(_HEAD[:23]):
        raise ValueError(f"{path}: does not begin with '{_HEAD}'; save the transform as .tfm, not as .h5 or .mat")
    kinds = re.findall(r"^Transform: *(\S+)", text, re.MULTILINE)
    if len(kinds) != 1:
        raise ValueError(f"{path}: holds {len(kinds)} transforms; a pose is one")
    kind = kinds[0].removesuffix("_3_3").removesuffix("_double").removesuffix("_float")
    values = {name: _numbers(text, name, path) for name in ("Parameters", "FixedParameters")}
    parameters, centre = as_float64(values["Parameters"]), as_float64((values["FixedParameters"] + [0.0] * 3)[:3])
    wanted = {"AffineTransform": 12, "MatrixOffsetTransformBase": 12, "Euler3DTransform": 6}
    wanted |= {"VersorRigid3DTransform": 6, "TranslationTransform": 3}
    if kind not in wanted:
        raise ValueError(f"{path}: is a {kind}; {', '.join(wanted)} can be read")
    if len(parameters) != wanted[kind]:
        raise ValueError(f"{path}: has {len(parameters)} parameters, and a {kind} has {wanted[kind]}")
    matrix, translation = _linear(kind, parameters, values["FixedParameters"])
    return _affine(matrix, translation + centre - matrix @ centre)


def _affine(matrix: Tensor, translation: Tensor) -> Tensor:
    """(4, 4) of a linear map (3, 3), which need not be a rotation, and a translation (3,)."""
    full = torch.eye(4, dtype=torch.float64)
    full[:3, :3], full[:3, 3] = matrix, translation
    return full


def _linear(kind: str, parameters: Tensor, fixed: list[float]) -> tuple[Tensor, Tensor]:
    """The matrix (3, 3) about the centre, and the translation (3,)."""
    if kind == "TranslationTransform":
        return torch.eye(3, dtype=torch.float64), parameters
    if kind == "Euler3DTransform":
        # about the fixed axes y, then x, then z; with a fourth fixed parameter of 1, x, then y, then z
        order = "ZYX" if len(fixed) > 3 and fixed[3] else "ZXY"
        angles = dict(zip("XYZ", parameters[:3], strict=True))
        rotation = roma.euler_to_rotmat(order, torch.stack([angles[axis] for axis in order]))
        return rotation, parameters[3:]
    if kind == "VersorRigid3DTransform":
        vector = parameters[:3]
        scalar = as_float64(math.sqrt(max(0.0, 1 - float(vector @ vector))))
        return roma.unitquat_to_rotmat(torch.cat([vector, scalar[None]])), parameters[3:]
    return parameters[:9].reshape(3, 3), parameters[9:]


def _numbers(text: str, name: str, path: str | Path) -> list[float]:
    found = re.search(rf"^{name}:(.*)$", text, re.MULTILINE)
    try:
        return [float(word) for word in found.group(1).split()]
    except (AttributeError, ValueError):
        raise ValueError(f"{path}: its line '{name}:' is missing or holds something else than numbers") from None
