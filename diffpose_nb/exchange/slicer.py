"""3D Slicer: a folder with a scene in which the CT, the X-ray's plane and the source are where they were."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import SimpleITK as sitk
import torch
import torchio
from torch import Tensor

from ..camera import Camera, as_float64, invert, ras_from_lps
from ..frames import Positions, from_positions, to_positions
from ..images import XRay
from ..runtime import write_text_whole
from .itk import write_itk_transform

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
"""The schema of ``.mrk.json``, which Slicer 5 writes and reads."""
_ORANGE = "0.902 0.624 0"


@dataclass(frozen=True)
class SlicerView:
    """An X-ray and where it was taken: ``name``, ``xray``, its ``camera``, and ``world_from_camera`` (4, 4)."""

    name: str
    xray: XRay
    camera: Camera
    world_from_camera: Tensor


def write_slicer_scene(folder: str | Path, subject: torchio.Subject, views: Sequence[SlicerView]) -> Path:
    """Write ``scene.mrml`` for 3D Slicer 5, with the volumes and markups that it names; open it with File, Add Data.

    The CT is written in Hounsfield units in the scanner's own coordinates. Every X-ray is a volume of one slice in the
    plane of the detector. Its source, the outline of the detector and the central ray are markups in LPS, and
    ``….tfm`` is the transform ``camera_from_lps``, by which Slicer carries what is given in camera coordinates to its
    place.

    Parameters
    ----------
    folder
        An empty or new folder.
    subject
        The CT, from :mod:`diffpose_nb.ct`.
    views
        The X-rays, each with its pose.

    Returns
    -------
    Path
        The scene file.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    scene = ElementTree.Element("MRML", {"version": "Slicer5.0.0", "userTags": ""})
    lps_from_world = as_float64(subject["lps_from_world"])
    volume = subject["volume"]
    lps_from_voxel = lps_from_world @ as_float64(volume.affine)
    values = np.rint(volume.data[0].numpy()).astype(np.int16)
    _write_volume(folder / "ct.nrrd", values, lps_from_voxel.numpy())
    _add_volume(scene, "CT", "ct.nrrd", "VolumeDisplay", window=1500, level=300)
    for view in views:
        _add_view(scene, folder, view, lps_from_world)
    ElementTree.indent(scene)
    path = folder / "scene.mrml"
    write_text_whole(path, ElementTree.tostring(scene, encoding="unicode") + "\n")
    return path


def read_slicer_scene(path: str | Path, world_from_lps: Tensor) -> dict[str, tuple[Camera, Tensor]]:
    """Camera and pose of every X-ray in a scene of :func:`write_slicer_scene`, from its volumes and markups alone.

    So an X-ray or a source that was moved in Slicer and saved comes back where it was put.

    Parameters
    ----------
    path
        The file ``scene.mrml``.
    world_from_lps
        (4, 4) the inverse of the CT's ``lps_from_world``.

    Raises
    ------
    ValueError
        The scene or one of its files cannot be read, or there is no X-ray in it.
    """
    path = Path(path)
    try:
        root = ElementTree.parse(path).getroot()
        files = {node.get("id"): path.parent / node.get("fileName", "") for node in root if node.get("fileName")}
        nodes = {node.get("name"): files.get(_reference(node, "storage")) for node in root if node.get("references")}
        found = {}
        for name, file in nodes.items():
            if file is not None and f"{name} source" in nodes:
                found[name] = _read_view(file, nodes[f"{name} source"], world_from_lps)
    except (OSError, ElementTree.ParseError, RuntimeError, KeyError, IndexError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: cannot be read as a scene of Slicer ({type(error).__name__}: {error})") from error
    if not found:
        raise ValueError(f"{path}: there is no X-ray with a source in this scene")
    return found


def _add_view(scene: ElementTree.Element, folder: Path, view: SlicerView, lps_from_world: Tensor) -> None:
    name, camera = view.name, view.camera
    where = to_positions(camera, view.world_from_camera, lps_from_world)
    normal = torch.linalg.cross(where.columns, where.rows)
    (rows, columns), (row_spacing, column_spacing) = camera.shape, camera.pixel_spacing
    right, down = where.columns * column_spacing, where.rows * row_spacing  # from one pixel to the next, mm
    first = where.center - right * (columns - 1) / 2 - down * (rows - 1) / 2
    grid = torch.eye(4, dtype=torch.float64)
    grid[:3] = torch.stack([right, down, normal, first], 1)
    pixels = view.xray.pixels.numpy()
    _write_volume(folder / f"{name}.nrrd", pixels.T[..., None], grid.numpy())
    low, high = (float(value) for value in np.quantile(pixels, (0.005, 0.995)))
    _add_volume(scene, name, f"{name}.nrrd", "VolumeDisplay", window=high - low, level=(high + low) / 2)

    halves = [(-0.5, -0.5), (columns - 0.5, -0.5), (columns - 0.5, rows - 0.5), (-0.5, rows - 0.5)]
    edges = [first + right * column + down * row for column, row in halves]
    _add_markup(scene, folder, f"{name} source", "Fiducial", {"source": where.source})
    _add_markup(scene, folder, f"{name} detector", "ClosedCurve", {f"{name}-{n}": edge for n, edge in enumerate(edges)})
    lps_from_camera = lps_from_world @ as_float64(view.world_from_camera)
    foot = lps_from_camera[:3, 3] + camera.sid * lps_from_camera[:3, 2]
    _add_markup(scene, folder, f"{name} beam", "Line", {"source": where.source, "principal point": foot})
    file = f"{name}.tfm"
    write_itk_transform(folder / file, invert(lps_from_camera), "camera_from_lps: the CT's LPS to the X-ray's camera")
    storage = _add(scene, "TransformStorage", f"{file} storage", fileName=file)
    _add(scene, "LinearTransform", f"{name} pose", references=f"storage:{storage};")


def _add(scene: ElementTree.Element, tag: str, name: str, **attributes: str) -> str:
    """Add a node, and return its id; ids count from 1 for each kind of node, as Slicer counts them."""
    kind = {"Volume": "ScalarVolume", "VolumeDisplay": "ScalarVolumeDisplay"}.get(tag, tag)
    identity = f"vtkMRML{kind}Node{1 + sum(node.tag == tag for node in scene)}"
    common = {"id": identity, "name": name, "hideFromEditors": str("Storage" in tag or "Display" in tag).lower()}
    ElementTree.SubElement(scene, tag, common | attributes).text = ""
    return identity


def _add_volume(scene: ElementTree.Element, name: str, file: str, display: str, window: float, level: float) -> None:
    storage = _add(scene, "VolumeArchetypeStorage", f"{name} storage", fileName=file, UseOrientationFromFile="1")
    shown = _add(
        scene,
        display,
        f"{name} display",
        colorNodeID="vtkMRMLColorTableNodeGrey",
        window=f"{window:g}",
        level=f"{level:g}",
        autoWindowLevel="0",
        interpolate="1",
    )
    _add(scene, "Volume", name, references=f"display:{shown};storage:{storage};")


def _add_markup(scene: ElementTree.Element, folder: Path, name: str, kind: str, points: dict[str, Tensor]) -> None:
    file = f"{name.replace(' ', '_')}.mrk.json"
    content = {"@schema": SCHEMA, "markups": [_markup(kind, points)]}
    write_text_whole(folder / file, json.dumps(content, indent=1) + "\n")
    storage = _add(scene, "MarkupsJsonStorage", f"{name} storage", fileName=file)
    display = _add(
        scene, "MarkupsDisplay", f"{name} display", selectedColor=_ORANGE, color=_ORANGE, pointLabelsVisibility="false"
    )
    linear = {"curveType": "linear"} if kind == "ClosedCurve" else {}
    _add(scene, f"Markups{kind}", name, references=f"display:{display};storage:{storage};", **linear)


def _markup(kind: str, points: dict[str, Tensor]) -> dict[str, Any]:
    placed = [
        {"id": str(n), "label": label, "position": point.tolist(), "locked": True, "positionStatus": "defined"}
        for n, (label, point) in enumerate(points.items(), start=1)
    ]
    return {"type": kind, "coordinateSystem": "LPS", "coordinateUnits": "mm", "locked": True, "controlPoints": placed}


def _write_volume(path: Path, values: np.ndarray, lps_from_voxel: np.ndarray) -> None:
    """Values (I, J, K) with their affine, as ITK counts."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.T))
    spacing = np.linalg.norm(lps_from_voxel[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps_from_voxel[:3, 3].tolist())
    image.SetDirection((lps_from_voxel[:3, :3] / spacing).flatten().tolist())
    sitk.WriteImage(image, str(path), useCompression=True)


def _reference(node: ElementTree.Element, role: str) -> str:
    pairs = dict(part.split(":", 1) for part in node.get("references", "").split(";") if ":" in part)
    return pairs.get(role, "")


def _read_view(volume: Path, source: Path, world_from_lps: Tensor) -> tuple[Camera, Tensor]:
    image = sitk.ReadImage(str(volume))
    columns, rows, _ = image.GetSize()
    spacing, direction = image.GetSpacing(), as_float64(image.GetDirection()).reshape(3, 3)
    middle = image.TransformContinuousIndexToPhysicalPoint([(columns - 1) / 2, (rows - 1) / 2, 0.0])
    markup = json.loads(source.read_text(encoding="utf-8"))["markups"][0]
    position = as_float64(markup["controlPoints"][0]["position"])
    if markup.get("coordinateSystem", "LPS") == "RAS":
        position = ras_from_lps[:3, :3] @ position
    where = Positions(position, as_float64(middle), direction[:, 0], direction[:, 1])
    return from_positions(where, (spacing[1], spacing[0]), (rows, columns), world_from_lps)
