"""A PyVista scene as one HTML page that can be turned: vtk.js and the scene in it, nothing from the web.

The page shows one step of the scene at a time and keeps the viewpoint between them; it follows messages
``{step: n}`` of the page that it is framed in. Without WebGL it shows a still of each step.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Sequence

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

_ICONS = "https://kitware.github.io/vtk-js/icon/favicon-${t}x${t}.png"
"""What the viewer would ask the web for."""


def page(
    plotter: pv.Plotter, steps: Sequence[Sequence[int]], labels: dict[int, np.ndarray], stills: Sequence[bytes]
) -> str:
    """The page.

    Parameters
    ----------
    plotter
        Everything that any step shows, already looked at from the viewpoint to begin with.
    steps
        For each step the actors that it alone shows, numbered in the order in which they were added; those of no step
        are always there.
    labels
        Actors that turn to the viewer, and the points (3,) about which they do.
    stills
        A JPEG of each step, for browsers without WebGL.
    """
    camera = plotter.camera
    back = np.subtract(camera.position, camera.focal_point)
    back /= np.linalg.norm(back)
    right = np.cross(camera.up, back)
    settings = {
        "steps": [list(step) for step in steps],
        "labels": [[index, *np.round(point, 3).tolist()] for index, point in labels.items()],
        "axes": np.stack([right, np.cross(back, right), back]).round(6).tolist(),
        "stills": [base64.b64encode(still).decode() for still in stills],
        "scene": base64.b64encode(_export(plotter)).decode(),
        "actors": len(plotter.renderer.actors),
        "viewAngle": camera.view_angle,  # vtk.js is not told
    }
    viewer = HTML_VIEWER_PATH.read_text(encoding="utf-8").replace(_ICONS, "data:,")
    viewer = viewer.replace("<title>VTK.js | Example - OfflineLocalView</title>", "<title>3D scene</title>")
    own = _CONTENT + f"<script>const settings = {json.dumps(settings)};\n{_SCRIPT}</script>\n"
    return viewer.replace("<body>", "<body>\n" + own, 1)


def _export(plotter: pv.Plotter) -> bytes:
    """The scene as vtk.js reads it, a zip file; what ``Plotter.export_vtksz`` gives, without the server it starts."""
    initialize_serializers()
    configure_serializer(skip_light=True)  # vtk.js then lights from the viewer
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


_CONTENT = """<style>
html, body { overflow: hidden; background: white; }
.content, #still { position: absolute; inset: 0; width: 100%; height: 100%; }
#still { object-fit: contain; }
#hint { position: absolute; left: 0; right: 0; bottom: 4px; text-align: center; color: #555; font-size: 12px;
  pointer-events: none; }
</style>
<div class="content"></div><img id="still" alt="">
<div id="hint"></div>
"""

_SCRIPT = """
window.global = window; // where the viewer puts its render window
let current = 0, actors = null;
const still = document.getElementById("still");

function show() {
  still.src = "data:image/jpeg;base64," + settings.stills[current];
  if (!actors) return;
  settings.steps.forEach((step, n) => step.forEach((k) => actors[k].setVisibility(n === current)));
  window.renderWindow.render();
}
addEventListener("message", (event) => {
  const step = event.data && event.data.step;
  if (Number.isInteger(step) && settings.steps[step]) { current = step; show(); }
});

// The wheel scrolls the page; with Ctrl, or two fingers, it moves nearer.
addEventListener("wheel", (event) => { if (!event.ctrlKey) event.stopImmediatePropagation(); }, true);

// Letters keep facing the viewer: a turn from the axes they were made in to those of the camera, about their middle.
function turnLabels(camera) {
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const back = camera.getDirectionOfProjection().map((v) => -v), norm = (a) => a.map((v) => v / Math.hypot(...a));
  const right = norm(cross(camera.getViewUp(), back)), now = [right, cross(back, right), back], old = settings.axes;
  const turn = [0, 1, 2].map((i) => [0, 1, 2].map((j) => now.reduce((sum, axis, k) => sum + axis[i] * old[k][j], 0)));
  for (const [index, ...p] of settings.labels) {
    const t = turn.map((row, i) => p[i] - row[0] * p[0] - row[1] * p[1] - row[2] * p[2]);
    actors[index].setUserMatrix([0, 1, 2].flatMap((j) => [turn[0][j], turn[1][j], turn[2][j], 0]).concat(t, 1));
  }
}

function loadDataSet() {
  if (!document.createElement("canvas").getContext("webgl2")) {
    document.getElementById("hint").textContent = "a still: this browser shows no 3D";
    // Else the viewer, left without a scene, would ask for a file.
    try { OfflineLocalView.load(document.createElement("div"), {}); } catch { }
    return;
  }
  OfflineLocalView.load(document.querySelector(".content"), { base64Str: settings.scene });
  const wait = setInterval(() => {
    const renderers = window.renderWindow ? window.renderWindow.getRenderers() : []; // the viewer's own, and ours
    const renderer = renderers.find((one) => one.getActors().length >= settings.actors);
    if (!renderer) return;
    clearInterval(wait);
    actors = renderer.getActors();
    const camera = renderer.getActiveCamera();
    camera.setViewAngle(settings.viewAngle);
    renderer.resetCameraClippingRange();
    camera.onModified(() => turnLabels(camera));
    turnLabels(camera);
    show();
    setTimeout(() => {
      show();
      still.hidden = true;
      still.style.display = "none";
      document.getElementById("hint").textContent = "drag to turn, Ctrl + wheel or pinch to move nearer";
      document.body.dataset.ready = "yes";
    }, 300);
  }, 50);
}
show();
"""
