"""A PyVista scene as one HTML page in which the reader can turn it.

The page contains vtk.js and the scene, and loads nothing from the web. Names stand beside what they name, and no name
covers another, however the scene is turned. Buttons lead to the usual viewpoints. The page follows the theme of the
page around it, light or dark. It shows one step of the scene at a time and keeps the viewpoint when the step changes.
The page that embeds it in a frame chooses the step with a message ``{step: n}``. In a browser without WebGL it shows a
still picture of each step.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product

import numpy as np
import pyvista as pv
from trame_vtk.modules.vtk.serializers import (
    SynchronizationContext,
    configure_serializer,
    extract_array_hash,
    initialize_serializers,
    reference_id,
    serialize,
)
from trame_vtk.tools.vtksz2html import HTML_VIEWER_PATH

from ..runtime import script, style

_ICONS = "https://kitware.github.io/vtk-js/icon/favicon-${t}x${t}.png"
"""Address of an icon that the viewer would load from the web. :func:`page` removes it."""


VIEWS = {
    "frontal": ((0, 1, 0), (0, 0, 1)),
    "lateral": ((-1, 0, 0), (0, 1, 0)),
    "from the feet": ((0, 0, -1), (0, 1, 0)),
}
"""Name of a viewpoint → the world directions (RAS) from the patient to the viewer, and up in the picture."""


@dataclass(frozen=True)
class Label:
    """A name in a scene."""

    text: str
    point: tuple[float, float, float]
    """World mm: where it is, or what it names."""
    color: str
    step: int | None = None
    """The step in which it is shown; None for all of them."""
    beside: bool = False
    """Whether it stands beside the point, with a line to it, rather than on it."""


def page(
    plotter: pv.Plotter,
    steps: Sequence[Sequence[int]],
    labels: Sequence[Label],
    stills: Sequence[bytes],
    *,
    patient: bool = False,
    dark: Sequence[int] = (),
) -> str:
    """The text of the HTML page.

    Parameters
    ----------
    plotter
        A scene with the actors of all steps, seen from the first viewpoint.
    steps
        For each step, the actors that are shown in this step only, numbered in the order in which they were added.
        Actors that belong to no step are always shown.
    labels
        The names.
    stills
        A square JPEG picture of each step, for browsers without WebGL.
    patient
        Whether the scene is in the axes of a patient who lies on the back, so that the buttons of :data:`VIEWS` hold.
    dark
        Numbers of the actors that are nearly black. They become light on a dark page.
    """
    camera = plotter.camera
    corners = [corner for actor in plotter.renderer.actors.values() for corner in product(*_pairs(actor.bounds))]
    settings = {
        "steps": [list(step) for step in steps],
        "labels": [asdict(label) for label in labels],
        "camera": {
            "position": np.round(camera.position, 3).tolist(),
            "focus": np.round(camera.focal_point, 3).tolist(),
            "up": np.round(camera.up, 6).tolist(),
        },
        "corners": np.round(corners, 1).tolist(),
        "views": VIEWS if patient else {},
        "dark": list(dark),
        "stills": [base64.b64encode(still).decode() for still in stills],
        "scene": base64.b64encode(_export(plotter)).decode(),
        "actors": len(plotter.renderer.actors),
        "viewAngle": camera.view_angle,  # the exported scene does not contain it
    }
    own = (
        f"{style(__package__, 'viewer.css')}\n"
        '<div class="content"></div><img id="still" alt="">\n'
        '<svg id="lines" aria-hidden="true"></svg><div id="names"></div><div id="views" hidden></div>'
        '<div id="hint"></div>\n'
        f"<script>const settings = {json.dumps(settings)};</script>{script(__package__, 'viewer.js')}\n"
    )
    return empty_viewer().replace("<body>", "<body>\n" + own, 1)


@cache
def empty_viewer() -> str:
    """The page of vtk.js's viewer without a scene. It loads nothing from the web."""
    viewer = HTML_VIEWER_PATH.read_text(encoding="utf-8").replace(_ICONS, "data:,")
    return viewer.replace("<title>VTK.js | Example - OfflineLocalView</title>", "<title>3D scene</title>")


def _pairs(bounds: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(bounds[::2], bounds[1::2], strict=True))


def _export(plotter: pv.Plotter) -> bytes:
    """The scene as a zip file for vtk.js.

    This is what ``Plotter.export_vtksz`` writes, but it starts no server.
    """
    initialize_serializers()
    configure_serializer(skip_light=True)  # without lights in the file, vtk.js lights the scene from the viewer
    context = SynchronizationContext()
    window = plotter.render_window
    camera = plotter.renderer.GetActiveCamera()
    context.set_ignore_last_dependencies(True)
    scene = serialize(None, window, "1", context, 1)
    scene["extra"] = {
        "vtkRefId": "1",
        "centerOfRotation": camera.GetFocalPoint(),
        "camera": reference_id(camera),
    }
    hashes = {
        entry["hash"]: entry | {"content": context.get_cached_data_array(entry["hash"], False)}
        for entry in extract_array_hash(scene)
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr("index.json", json.dumps({"hashes": hashes, "scene": scene}))
    return packed.getvalue()
