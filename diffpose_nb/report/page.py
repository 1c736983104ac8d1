"""The page of a registration: one HTML file with everything in it."""

from __future__ import annotations

from typing import Any

import jinja2
import numpy as np
import torch
import torchio
from markupsafe import Markup

from ..camera import apart, carm_angles
from ..runtime import style
from .pictures import ViewPictures, data_uri

_FILES = {
    "pose.json": "the pose in every convention: world, LPS, OpenCV, DiffDRR, nanodrr",
    "pose.tfm": "the transform camera_from_lps, for ITK and 3D Slicer",
    "overlay.png": "the CT over the X-ray at the end",
    "slicer": "scene.mrml: drag it into 3D Slicer 5",
}
_VERDICT = {
    "found": "The pose was found.",
    "doubtful": "The pose is doubtful. Look at the pictures before you use it.",
    "lost": "No pose was found. The numbers below are not to be used.",
}
_AXES = ("x of the image", "y of the image", "the beam")


def render_page(
    content: dict[str, Any], pictures: list[ViewPictures], files: list[str], subject: torchio.Subject
) -> str:
    """The page as text.

    Parameters
    ----------
    content
        What ``pose.json`` holds.
    pictures
        For each view.
    files
        Names of the files that lie beside the page.
    subject
        The CT.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("diffpose_nb.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    views = [_view(view, shown) for view, shown in zip(content["views"], pictures, strict=True)]
    return environment.get_template("report.html").render(
        style=Markup(style(__package__, "report.css")),
        verdict=_VERDICT[content["judgement"]],
        content=content,
        views=views,
        uncertainty=_uncertainty(content["uncertainty"]),
        files=[(name, _meaning(name)) for name in files],
        ct_shape=" × ".join(str(n) for n in subject["volume"].spatial_shape),
    )


def _view(view: dict[str, Any], shown: ViewPictures) -> dict[str, Any]:
    start, pose = (
        torch.tensor(view[key], dtype=torch.float64) for key in ("start_world_from_camera", "world_from_camera")
    )
    rows = []
    for name, before, after in zip(
        ("primary angle", "secondary angle", "turn of the image"),
        carm_angles(start),
        carm_angles(pose),
        strict=True,
    ):
        rows.append((name, _degrees(before), _degrees(after)))
    rows.append(("source, LPS of the CT", "", ", ".join(f"{mm:.1f}" for mm in view["lps"]["source"]) + " mm"))
    rows.append(("local NCC of the pictures", f"{view['ncc_before']:.2f}", f"{view['ncc_after']:.2f}"))
    rotation = start[:3, :3].mT @ pose[:3, :3]
    angle = np.degrees(np.arccos(np.clip((rotation.diagonal().sum().item() - 1) / 2, -1, 1)))
    return {
        "view": view,
        "shown": shown,
        "pictures": {
            name: data_uri(getattr(shown, name)) for name in ("xray", "before", "after", "residual", "masked")
        },
        "rows": rows,
        "moved": f"{apart(start, pose):.1f} mm at 100 mm from the world's origin, {angle:.1f}° of rotation",
    }


def _degrees(angle: torch.Tensor) -> str:
    return f"{round(float(angle), 1) + 0.0:.1f}°"  # adding 0 turns -0.0 into 0.0


def _uncertainty(deviations: list[float | None]) -> list[tuple[str, str, str]]:
    """A row for each axis: rotation about it, and shift along it."""
    text = ["not known" if value is None else f"± {value:.2f}" for value in deviations]
    return [(axis, f"{text[n]}°", f"{text[n + 3]} mm") for n, axis in enumerate(_AXES)]


def _meaning(name: str) -> str:
    stem = name.split("_")[0] + ("." + name.rsplit(".", 1)[-1] if "_" in name and "." in name else "")
    return _FILES.get(name, _FILES.get(stem, ""))
