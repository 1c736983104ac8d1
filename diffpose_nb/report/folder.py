"""The folder of a registration, written whole or not at all."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torchio
from torch import Tensor

from ..camera import as_float64, invert
from ..exchange import SlicerView, record_of, write_itk_transform, write_slicer_scene
from ..images import XRay
from ..register import Refinement
from .page import render_page
from .pictures import ViewPictures, pictures_of, png

PROGRAMS = ("diffpose-nb", "torch", "torchio", "diffdrr", "numba", "pydicom", "numpy")
"""Programs whose versions a report names."""


@contextmanager
def new_folder(folder: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """A context that gives a temporary folder, which takes the place of the wanted one in one step at the end.

    If anything fails, or the user interrupts, the temporary folder is removed, and what was there before stays.

    Parameters
    ----------
    folder
        The folder that is wanted; the folders above it are made.
    overwrite
        Replace a folder that is not empty.

    Raises
    ------
    ValueError
        There is something in the folder and ``overwrite`` is False, or it is a file.
    """
    folder = Path(folder)
    require_free(folder, overwrite)
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        if folder.exists():
            shutil.rmtree(folder)
        fresh.rename(folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def require_free(folder: Path, overwrite: bool) -> None:
    """Raise a ValueError if results must not be written to a folder."""
    if folder.is_file():
        raise ValueError(f"{folder}: is a file; name a folder for the results")
    if folder.exists() and any(folder.iterdir()) and not overwrite:
        raise ValueError(f"{folder}: is not empty; name another folder, or pass overwrite=True")


def write_report(
    folder: str | Path,
    subject: torchio.Subject,
    xray: XRay | Sequence[XRay],
    refinement: Refinement,
    *,
    start: Tensor | None = None,
    names: Sequence[str] | None = None,
    ct: str | Path = "",
    files: Sequence[str | Path] = (),
    command: str = "",
    slicer: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write what a registration came to: ``report.html``, ``pose.json``, ``pose.tfm`` and ``overlay.png``.

    With several views there is a ``.tfm`` and a ``.png`` for each. The page opens offline, since its pictures stand in
    it. The folder appears whole or not at all.

    Parameters
    ----------
    folder
        A folder that does not exist, or is empty.
    subject, xray, refinement
        The CT, the X-ray or X-rays, and what :func:`diffpose_nb.register.refine` returned for them.
    start
        (4, 4) or (V, 4, 4): where the registration started. Default the nominal poses of the X-rays.
    names
        A name for each X-ray; default xray_1, xray_2 and so on.
    ct, files
        The paths of the CT and of the X-rays, to be named in the report.
    command
        The command line, to be shown in the report.
    slicer
        Write a scene for 3D Slicer too, in the folder ``slicer``. It holds a copy of the CT.
    overwrite
        Replace a folder that is not empty.

    Returns
    -------
    Path
        The page.
    """
    xrays = [xray] if isinstance(xray, XRay) else list(xray)
    poses = as_float64(refinement.world_from_camera).reshape(-1, 4, 4)
    starts = [x.world_from_camera for x in xrays] if start is None else list(as_float64(start).reshape(-1, 4, 4))
    cameras = refinement.camera if isinstance(refinement.camera, tuple) else (refinement.camera,)
    foreign = refinement.foreign if isinstance(refinement.foreign, tuple) else (refinement.foreign,)
    names = list(names or (f"xray_{n}" for n in range(1, len(xrays) + 1)))
    views = list(zip(names, xrays, cameras, starts, poses, foreign, strict=True))
    pictures = [pictures_of(subject, x, camera, first, pose, mask) for _, x, camera, first, pose, mask in views]
    content = _content(subject, refinement, views, ct, files, command, pictures)
    with new_folder(folder, overwrite) as fresh:
        (fresh / "pose.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        suffixes = [""] if len(views) == 1 else [f"_{name}" for name in names]
        for suffix, pose, shown in zip(suffixes, poses, pictures, strict=True):
            camera_from_lps = invert(as_float64(subject["lps_from_world"]) @ pose)
            about = "camera_from_lps: the CT's patient coordinates (LPS, mm) to the X-ray's camera"
            write_itk_transform(fresh / f"pose{suffix}.tfm", camera_from_lps, about)
            (fresh / f"overlay{suffix}.png").write_bytes(png(shown.after))
        if slicer:
            scene = [SlicerView(name, x, camera, pose) for name, x, camera, _, pose, _ in views]
            write_slicer_scene(fresh / "slicer", subject, scene)
        listed = sorted(str(path.relative_to(fresh)) for path in fresh.iterdir())
        (fresh / "report.html").write_text(render_page(content, pictures, listed, subject), encoding="utf-8")
    return Path(folder) / "report.html"


def _content(
    subject: torchio.Subject,
    refinement: Refinement,
    views: list[tuple],
    ct: str | Path,
    files: Sequence[str | Path],
    command: str,
    pictures: list[ViewPictures],
) -> dict[str, Any]:
    """What ``pose.json`` says; the page says it too."""
    poses = refinement.world_from_camera
    files = [str(file) for file in files] or [""] * len(views)
    content = {
        "about": "Pose of an X-ray's camera: origin at the source, x right and y down as seen from it, z to the "
        "detector; mm. world: RAS axes, origin at the centre of the CT. lps: patient coordinates of the CT's files. "
        "opencv: pixels = K · camera_from_lps · point; K[0][0] is negative where the image is seen from the detector. "
        "uncertainty: standard deviations, degrees about and mm along x, y and the beam of the first camera.",
        "judgement": refinement.judgement,
        "confidence": refinement.confidence,
        "reasons": refinement.reasons,
        "uncertainty": refinement.uncertainty.tolist(),
        "ncc": refinement.ncc,
        "reason": refinement.reason,
        "seconds": float(refinement.trace.seconds.iloc[-1]) if len(refinement.trace) else 0.0,
        "world_from_camera": poses.tolist(),
        "lps_from_world": as_float64(subject["lps_from_world"]).tolist(),
        "ct": str(ct),
        "views": [
            {
                "name": name,
                "xray": file,
                **record_of(camera, pose, subject),
                "start_world_from_camera": start.tolist(),
                "ncc_before": shown.ncc[0],
                "ncc_after": shown.ncc[1],
                "foreign_share": shown.foreign_share,
                "notes": xray.notes,
            }
            for (name, xray, camera, start, pose, _), file, shown in zip(views, files, pictures, strict=True)
        ],
        "ct_notes": list(subject["notes"]) if "notes" in subject else [],
        "command": command,
        "versions": {program: version(program) for program in PROGRAMS},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return _finite(content)


def _finite(value: Any) -> Any:
    """Numbers that JSON has no word for, such as an infinite deviation, become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
